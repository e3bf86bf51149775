import { bigint, boolean, integer, jsonb, numeric, smallint, text } from 'drizzle-orm/pg-core'
import { instant, iuCore } from './columns.ts'

const id = (name: string) => bigint(name, { mode: 'number' })

export const commandRun = iuCore.view('v_dot_iu_command_run', {
  runId: id('run_id').notNull(),
  command: text('command_code').notNull(),
  mode: text('mode', { enum: ['plan', 'apply', 'verify', 'rollback'] }).notNull(),
  status: text('status', { enum: ['planned', 'succeeded', 'verified', 'unverified', 'refused', 'failed'] }).notNull(),
  code: text('code'),
  actor: text('actor').notNull(),
  actorKind: text('actor_kind').notNull(),
  reason: text('reason'),
  objectRefs: text('object_refs').array().notNull(),
  eventCount: integer('event_count').notNull(),
  eventFrom: id('event_from'),
  eventTo: id('event_to'),
  planRunId: id('plan_run_id'),
  targetRunId: id('target_run_id'),
  receipt: jsonb('receipt').notNull(),
  startedAt: instant('started_at').notNull(),
  finishedAt: instant('finished_at').notNull(),
  durationMs: numeric('duration_ms').notNull(),
  verifyStatus: text('verify_status'),
  verifyRunId: id('verify_run_id'),
  undoneByRunId: id('undone_by_run_id'),
  sealNo: id('seal_no'),
  outcome: text('outcome'),
}).existing()

export const commandRegistry = iuCore.view('v_dot_iu_command_registry', {
  command: text('command_code').notNull(),
  area: text('area').notNull(),
  tier: smallint('tier').notNull(),
  right: text('required_right').notNull(),
  gates: text('gates').array().notNull(),
  description: text('description').notNull(),
  planned: integer('planned').notNull(),
  succeeded: integer('succeeded').notNull(),
  refused: integer('refused').notNull(),
  failed: integer('failed').notNull(),
  undone: integer('undone').notNull(),
  lastRunId: id('last_run_id'),
  lastRunAt: instant('last_run_at'),
  lastActor: text('last_actor'),
  lastStatus: text('last_status'),
  otherwise: integer('otherwise').notNull(),
}).existing()

export const commandRunHealth = iuCore.view('v_dot_iu_command_run_health', {
  runs: integer('runs').notNull(),
  apply: integer('apply').notNull(),
  applied: integer('applied').notNull(),
  refused: integer('refused').notNull(),
  failed: integer('failed').notNull(),
  unverified: integer('unverified').notNull(),
  otherwise: integer('otherwise').notNull(),
  unsealed: integer('unsealed').notNull(),
  oldestUnsealedAt: instant('oldest_unsealed_at'),
  headNo: id('head_no'),
  head: text('head'),
  lastSealedAt: instant('last_sealed_at'),
}).existing()

export const disableLadder = iuCore.view('v_iu_disable_ladder', {
  rung: text('rung', { enum: ['L0', 'L1', 'L2', 'L3'] }).notNull(),
  subject: text('subject').notNull(),
  state: text('state', { enum: ['open', 'closed', 'expired', 'malformed', 'missing', 'partly'] }).notNull(),
  blocks: boolean('blocks').notNull(),
  reason: text('reason'),
  changedBy: text('changed_by'),
  changedAt: instant('changed_at'),
  expiresAt: instant('expires_at'),
  off: integer('off'),
  total: integer('total'),
  wouldRelease: integer('would_release'),
  stops: text('stops').notNull(),
  loses: text('loses').notNull(),
}).existing()

export const account = iuCore.view('v_iu_account', {
  accountId: id('account_id').notNull(),
  account: text('account').notNull(),
  displayName: text('display_name').notNull(),
  right: text('account_right', { enum: ['reviewer', 'operator', 'approver', 'admin'] }).notNull(),
  status: text('status', { enum: ['active', 'disabled'] }).notNull(),
  createdAt: instant('created_at').notNull(),
  createdBy: text('created_by').notNull(),
  passwordChangedAt: instant('password_changed_at').notNull(),
  lastSignInAt: instant('last_sign_in_at'),
  lastUsedAt: instant('last_used_at'),
  liveSessions: integer('live_sessions').notNull(),
  liveTokens: integer('live_tokens').notNull(),
}).existing()

export const apiToken = iuCore.view('v_iu_api_token', {
  tokenId: id('token_id').notNull(),
  account: text('account').notNull(),
  label: text('label').notNull(),
  scopes: text('scopes').array().notNull(),
  createdAt: instant('created_at').notNull(),
  expiresAt: instant('expires_at').notNull(),
  lastUsedAt: instant('last_used_at'),
  revokedAt: instant('revoked_at'),
  revokedBy: text('revoked_by'),
  status: text('status', { enum: ['live', 'expired', 'revoked', 'account_disabled'] }).notNull(),
}).existing()
