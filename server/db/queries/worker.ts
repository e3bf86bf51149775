import { asc, desc, gt, lt } from 'drizzle-orm'
import { gate, workerHealth } from '../../../drizzle/schema/health.ts'
import { workerCursor, workerPass, workerProcess, workerSchedule } from '../../../drizzle/schema/worker.ts'
import type { WorkerPasses, WorkerPassesQuery } from '../../../shared/read-models/worker-passes.ts'
import type { Worker } from '../../../shared/read-models/worker.ts'
import type { Snapshot } from '../client.ts'
import { inertBy } from './health.ts'
import { keysetPage } from './keyset.ts'

const BUCKETS = Array.from({ length: 16 }, (_, bucket) => bucket)
/** Of processes that died silently some may be left: more than these nobody reads. */
const MOST_PROCESSES = 100

export async function readWorker(db: Snapshot): Promise<Omit<Worker, 'asOf'>> {
  const cursors = new Map((await db.select().from(workerCursor)).map(cursor => [cursor.workerCode, cursor]))
  const gates = await db.select().from(gate)
  const workers = (await db.select().from(workerHealth)).map(health => ({ ...health, inert: inertBy(health.blockedBy, gates), ...cursors.get(health.workerCode)! })).sort((a, b) => a.bucketFrom - b.bucketFrom)
  const [schedule] = await db.select().from(workerSchedule)
  return {
    workers,
    orphans: BUCKETS.filter(bucket => !workers.some(({ bucketFrom, bucketTo }) => bucketFrom <= bucket && bucket <= bucketTo)),
    schedule: schedule!,
    processes: await db.select().from(workerProcess).orderBy(workerProcess.isStale, desc(workerProcess.startedAt)).limit(MOST_PROCESSES),
  }
}

export async function readWorkerPasses(db: Snapshot, query: WorkerPassesQuery): Promise<Omit<WorkerPasses, 'asOf'>> {
  return keysetPage(query, ({ cursor, backwards, limit }) => db.select().from(workerPass)
    .where(cursor === undefined ? undefined : (backwards ? gt : lt)(workerPass.passId, Number(cursor)))
    .orderBy((backwards ? asc : desc)(workerPass.passId)).limit(limit), found => String(found.passId), 25)
}
