import { collectionCheckpointsQuery } from '~~/shared/read-models/collection-checkpoints.ts'
import { readCheckpoints } from '~~/server/db/queries/checkpoints.ts'

export default defineRead(collectionCheckpointsQuery, readCheckpoints)
