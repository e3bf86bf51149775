import { collectionParkedQuery } from '~~/shared/read-models/collection-parked.ts'
import { readParked } from '~~/server/db/queries/checkpoints.ts'

export default defineRead(collectionParkedQuery, (db, { address }) => readParked(db, address))
