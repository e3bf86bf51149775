import { collectionsQuery } from '~~/shared/read-models/collections.ts'
import { readCollections } from '~~/server/db/queries/collections.ts'

export default defineRead(collectionsQuery, readCollections)
