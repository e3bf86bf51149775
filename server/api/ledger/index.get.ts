import { ledgerQuery } from '~~/shared/read-models/ledger.ts'
import { readLedger } from '~~/server/db/queries/operations.ts'

export default defineRead(ledgerQuery, readLedger)
