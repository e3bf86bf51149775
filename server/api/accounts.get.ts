import { accountsQuery } from '~~/shared/read-models/accounts.ts'
import { readAccounts } from '~~/server/db/queries/operations.ts'

export default defineRead(accountsQuery, (db, _, who) => readAccounts(db, who))
