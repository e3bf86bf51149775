import { proofQuery } from '~~/shared/read-models/proof.ts'
import { readProof } from '~~/server/db/queries/proof.ts'

export default defineRead(proofQuery, readProof)
