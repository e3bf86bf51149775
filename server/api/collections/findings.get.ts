import { collectionQuery } from '~~/shared/read-models/collection.ts'
import { readFindings } from '~~/server/db/queries/collection-health.ts'

export default defineRead(collectionQuery, (db, { address }) => readFindings(db, address))
