import { commandContractQuery } from '~~/shared/read-models/command-contract.ts'
import { readCommandContract } from '~~/server/db/queries/operations.ts'

export default defineRead(commandContractQuery, (db, { name }) => readCommandContract(db, name))
