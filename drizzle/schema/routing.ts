import { bigint, boolean, integer, jsonb, text } from 'drizzle-orm/pg-core'
import { instant, iuCore } from './columns.ts'

const STATUSES = ['dry_run', 'sent', 'failed', 'skipped'] as const
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
  status: text('status', { enum: STATUSES }).notNull(),
  attempts: count('attempts').notNull(),
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
