import { z } from 'zod'
import { workerHealth } from './overview.ts'
import { answer, count, time } from './page.ts'

export const workerQuery = z.strictObject({})

const bucket = z.int().min(0).max(15)

/** A worker's health, the buckets that it owns, and how many events it has seen. */
export const workerShare = workerHealth.extend({ bucketFrom: bucket, bucketTo: bucket, eventsSeen: count })
export type WorkerShare = z.output<typeof workerShare>

/** Whether the consoles' servers run passes, and how often. */
export const schedule = z.object({ enabled: z.boolean(), pollMs: count, batchSize: count, reason: z.string().nullable(), changedBy: z.string().nullable(), changedAt: time.nullable() })
export type Schedule = z.output<typeof schedule>

export const workerProcess = z.object({
  processId: z.uuid(),
  kind: z.enum(['cli', 'schedule']),
  workerCode: z.string().nullable().describe('null: every worker\'s passes'),
  host: z.string(),
  pid: z.int(),
  status: z.enum(['routed', 'idle', 'busy', 'worker_gate_closed', 'master_gate_closed']).describe('how its last pass ended'),
  eventsSeen: count,
  runBy: z.string(),
  startedAt: time,
  lastSeenAt: time,
  isStale: z.boolean().describe('silent for twenty seconds'),
  fault: z.string().nullable().describe('what keeps its next pass from being made; null: nothing'),
})
export type WorkerProcess = z.output<typeof workerProcess>

export const workerAnswer = z.object({
  ...answer,
  workers: z.array(workerShare),
  /** buckets that no worker owns: nobody routes their events */
  orphans: z.array(bucket),
  schedule,
  processes: z.array(workerProcess),
})
export type Worker = z.output<typeof workerAnswer>
