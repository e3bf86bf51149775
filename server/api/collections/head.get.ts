import { collectionQuery } from '~~/shared/read-models/collection.ts'
import { readCollection } from '~~/server/db/queries/collections.ts'

export default defineRead(collectionQuery, (db, { address }) => readCollection(db, address))
