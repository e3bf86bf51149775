import { gatesQuery } from '~~/shared/read-models/gates.ts'
import { readGates } from '~~/server/db/queries/operations.ts'

export default defineRead(gatesQuery, readGates)
