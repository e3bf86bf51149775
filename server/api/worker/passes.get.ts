import { workerPassesQuery } from '~~/shared/read-models/worker-passes.ts'
import { readWorkerPasses } from '~~/server/db/queries/worker.ts'

export default defineRead(workerPassesQuery, readWorkerPasses)
