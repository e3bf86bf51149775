import { bigint, boolean, integer, jsonb, text } from 'drizzle-orm/pg-core'
import { instant, iuCore } from './columns.ts'

const STATUSES = ['dry_run', 'sent', 'failed', 'skipped'] as const
const LETTER_STATUSES = ['open', 'replayed', 'rerouted', 'corrected', 'discarded'] as const
const count = (name: string) => bigint(name, { mode: 'number' })

export const routeAttempt = iuCore.view('v_iu_route_attempt', {
  eventId: count('event_id').notNull(),
  routeId: integer('route_id').notNull(),
  routeCode: text('route_code').notNull(),
  attemptNo: integer('attempt_no').notNull(),
  status: text('status', { enum: STATUSES }).notNull(),
  failureCode: text('failure_code'),
  failureDetail: text('failure_detail'),
  eventDomain: text('event_domain').notNull(),
  eventType: text('event_type').notNull(),
  subjectTable: text('event_subject_table'),
  subjectRef: text('event_subject_ref'),
  targetKind: text('target_kind'),
  targetRef: text('target_ref'),
  workerCode: text('worker_code').notNull(),
  createdAt: instant('created_at').notNull(),
}).existing()

export const routeAttemptSummary = iuCore.view('v_iu_route_attempt_summary', {
  routeId: integer('route_id').notNull(),
  routeCode: text('route_code').notNull(),
  eventType: text('event_type'),
  enabled: boolean('enabled'),
  dryRun: boolean('dry_run'),
  status: text('status', { enum: STATUSES }),
  attempts: count('attempts').notNull(),
  lastAttemptAt: instant('last_attempt_at'),
}).existing()

export const routeAttemptHourly = iuCore.view('v_iu_route_attempt_hourly', {
  hour: instant('hour').notNull(),
  routeId: integer('route_id').notNull(),
  routeCode: text('route_code').notNull(),
  status: text('status', { enum: STATUSES }).notNull(),
  attempts: count('attempts').notNull(),
  eventType: text('event_type'),
}).existing()

export const deadLetterOpen = iuCore.view('v_iu_route_dead_letter_open', {
  deadLetterId: count('dead_letter_id').notNull(),
  eventId: count('event_id').notNull(),
  routeCode: text('route_code').notNull(),
  attemptNo: integer('attempt_no').notNull(),
  failureCode: text('failure_code').notNull(),
  failureDetail: text('failure_detail'),
  eventDomain: text('event_domain').notNull(),
  eventType: text('event_type').notNull(),
  subjectTable: text('event_subject_table'),
  subjectRef: text('event_subject_ref'),
  payload: jsonb('payload'),
  actor: text('actor'),
  eventCreatedAt: instant('event_created_at').notNull(),
  createdAt: instant('created_at').notNull(),
  cause: text('cause').notNull(),
  routeEnabled: boolean('route_enabled'),
}).existing()

export const deadLetter = iuCore.view('v_iu_route_dead_letter', {
  deadLetterId: count('dead_letter_id').notNull(),
  eventId: count('event_id').notNull(),
  routeId: integer('route_id').notNull(),
  routeCode: text('route_code').notNull(),
  attemptNo: integer('attempt_no').notNull(),
  failureCode: text('failure_code').notNull(),
  failureDetail: text('failure_detail'),
  eventDomain: text('event_domain').notNull(),
  eventType: text('event_type').notNull(),
  subjectTable: text('event_subject_table'),
  subjectRef: text('event_subject_ref'),
  payload: jsonb('payload'),
  actor: text('actor'),
  eventCreatedAt: instant('event_created_at').notNull(),
  createdAt: instant('created_at').notNull(),
  status: text('status', { enum: LETTER_STATUSES }).notNull(),
  resolvedAt: instant('resolved_at'),
  resolvedBy: text('resolved_by'),
  correctedByEventId: count('corrected_by_event_id'),
  replayJobId: count('replay_job_id'),
  cause: text('cause').notNull(),
  routeEnabled: boolean('route_enabled'),
  isSystem: boolean('is_system').notNull(),
}).existing()

export const deadLetterCause = iuCore.view('v_iu_route_dead_letter_cause', {
  cause: text('cause').notNull(),
  failureCode: text('failure_code').notNull(),
  eventType: text('event_type').notNull(),
  routeCode: text('route_code').notNull(),
  routeEnabled: boolean('route_enabled'),
  failureKind: text('failure_kind').notNull(),
  sampleId: count('sample_id').notNull(),
  letters: integer('letters').notNull(),
  firstAt: instant('first_at').notNull(),
  lastAt: instant('last_at').notNull(),
}).existing()

export const replayJob = iuCore.view('v_iu_replay_job', {
  jobId: count('job_id').notNull(),
  what: text('what', { enum: ['dead_letters', 'skipped'] as const }).notNull(),
  filter: jsonb('filter').$type<Record<string, unknown>>().notNull(),
  total: integer('total').notNull(),
  perSecond: integer('per_second'),
  status: text('status', { enum: ['running', 'stopped', 'done'] as const }).notNull(),
  done: integer('done').notNull(),
  replayed: integer('replayed').notNull(),
  failedAgain: integer('failed_again').notNull(),
  leftAlone: integer('left_alone').notNull(),
  startedAt: instant('started_at').notNull(),
  startedBy: text('started_by').notNull(),
  stoppedAt: instant('stopped_at'),
  stoppedBy: text('stopped_by'),
  lastBatchAt: instant('last_batch_at'),
  finishedAt: instant('finished_at'),
  waitsFor: text('waits_for'),
}).existing()

export const outboundRoute = iuCore.view('v_iu_outbound_route', {
  routeId: integer('route_id').notNull(),
  routeCode: text('route_code').notNull(),
  eventType: text('event_type').notNull(),
  targetKind: text('target_kind').notNull(),
  targetRef: text('target_ref').notNull(),
  enabled: boolean('enabled').notNull(),
  dryRun: boolean('dry_run').notNull(),
}).existing()
