import { workerQuery } from '~~/shared/read-models/worker.ts'
import { readWorker } from '~~/server/db/queries/worker.ts'

export default defineRead(workerQuery, readWorker)
