import { runQuery } from '~~/shared/read-models/ledger.ts'
import { readRun } from '~~/server/db/queries/operations.ts'

export default defineRead(runQuery, (db, { id }) => readRun(db, Number(id)))
