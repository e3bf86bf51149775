import { accountingQuery } from '~~/shared/read-models/accounting.ts'
import { readAccounting } from '~~/server/db/queries/health.ts'

export default defineRead(accountingQuery, readAccounting)
