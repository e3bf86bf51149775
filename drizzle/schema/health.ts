import { bigint, boolean, integer, text } from 'drizzle-orm/pg-core'
import { instant, iuCore } from './columns.ts'

const count = (name: string) => bigint(name, { mode: 'number' }).notNull()

export const accounting = iuCore.view('v_iu_accounting', {
  events: count('events'),
  attempted: count('attempted'),
  held: count('held'),
  released: count('released'),
  discarded: count('discarded'),
  archived: count('archived'),
  notYetRouted: count('not_yet_routed'),
  unexplained: count('unexplained'),
  isExact: boolean('is_exact').notNull(),
  auditedThrough: count('audited_through'),
}).existing()

export const workerHealth = iuCore.view('v_iu_route_worker_health', {
  workerCode: text('worker_code').notNull(),
  healthy: boolean('healthy').notNull(),
  reasons: text('reasons').array().notNull(),
  workerGateOpen: boolean('worker_gate_open').notNull(),
  masterGateOpen: boolean('master_gate_open').notNull(),
  deliveryMode: text('delivery_mode', { enum: ['DRY RUN', 'LIVE', 'STOPPED'] }).notNull(),
  blockedBy: text('blocked_by'),
  backlog: integer('backlog').notNull(),
  backlogIsExact: boolean('backlog_is_exact').notNull(),
  oldestUnroutedAt: instant('oldest_unrouted_at'),
  heldBackSince: instant('held_back_since'),
  openDeadLetters: integer('open_dead_letters').notNull(),
  lastPassAt: instant('last_pass_at'),
  lastPassSeen: integer('last_pass_seen'),
}).existing()

export const gate = iuCore.view('v_iu_gate', {
  gate: text('gate').notNull(),
  state: text('state', { enum: ['open', 'closed', 'expired', 'malformed', 'missing'] }).notNull(),
  isOpen: boolean('is_open').notNull(),
  description: text('description'),
  reason: text('reason'),
  changedBy: text('changed_by'),
  changedAt: instant('changed_at'),
  expiresAt: instant('expires_at'),
}).existing()

export const eventBacklog = iuCore.view('v_iu_event_backlog', {
  workerCode: text('worker_code').notNull(),
  eventDomain: text('event_domain').notNull(),
  eventType: text('event_type').notNull(),
  pending: integer('pending').notNull(),
  oldestAt: instant('oldest_at'),
  isExact: boolean('is_exact').notNull(),
}).existing()

export const composerBacklog = iuCore.view('v_iu_composer_event_backlog', {
  workerCode: text('worker_code').notNull(),
  eventType: text('event_type').notNull(),
  pending: integer('pending').notNull(),
  oldestAt: instant('oldest_at'),
}).existing()
