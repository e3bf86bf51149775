import { bigint, boolean, integer, text, uuid } from 'drizzle-orm/pg-core'
import { instant, iuCore } from './columns.ts'

const count = (name: string) => bigint(name, { mode: 'number' }).notNull()

export const workerCursor = iuCore.view('v_iu_worker_cursor', {
  workerCode: text('worker_code').notNull(),
  bucketFrom: integer('bucket_from').notNull(),
  bucketTo: integer('bucket_to').notNull(),
  eventsSeen: count('events_seen'),
}).existing()

export const workerSchedule = iuCore.view('v_iu_worker_schedule', {
  enabled: boolean('enabled').notNull(),
  pollMs: integer('poll_ms').notNull(),
  batchSize: integer('batch_size').notNull(),
  reason: text('reason'),
  changedBy: text('changed_by'),
  changedAt: instant('changed_at'),
}).existing()

export const workerProcess = iuCore.view('v_iu_worker_process', {
  processId: uuid('process_id').notNull(),
  kind: text('kind', { enum: ['cli', 'schedule'] }).notNull(),
  workerCode: text('worker_code'),
  host: text('host').notNull(),
  pid: integer('pid').notNull(),
  status: text('status', { enum: ['routed', 'idle', 'busy', 'worker_gate_closed', 'master_gate_closed'] }).notNull(),
  eventsSeen: count('events_seen'),
  runBy: text('run_by').notNull(),
  startedAt: instant('started_at').notNull(),
  lastSeenAt: instant('last_seen_at').notNull(),
  isStale: boolean('is_stale').notNull(),
  fault: text('fault'),
}).existing()

export const workerPass = iuCore.view('v_iu_route_worker_run', {
  passId: count('pass_id'),
  workerCode: text('worker_code').notNull(),
  startedAt: instant('started_at').notNull(),
  finishedAt: instant('finished_at').notNull(),
  seen: integer('seen').notNull(),
  attemptsWritten: integer('attempts_written').notNull(),
  skipped: integer('skipped').notNull(),
  deadLettered: integer('dead_lettered').notNull(),
  runBy: text('run_by').notNull(),
}).existing()
