import { collectionsQuery } from '~~/shared/read-models/collections.ts'
import { readCollectionsHealth } from '~~/server/db/queries/collection-health.ts'

export default defineRead(collectionsQuery, readCollectionsHealth)
