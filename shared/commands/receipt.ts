import { z } from 'zod'
import { PROBLEM_CODES } from '../problem.ts'

export const COMMAND_MODES = ['plan', 'apply', 'verify', 'rollback'] as const
export type CommandMode = (typeof COMMAND_MODES)[number]

/** What makes a change of the second tier, whatever the tier of its command. */
export const FRICTIONS = ['edits', 'removals'] as const
export type Friction = (typeof FRICTIONS)[number]

const values = z.record(z.string(), z.unknown())
const time = z.iso.datetime({ offset: true })
const digest = z.string().regex(/^[0-9a-f]{64}$/)
const count = z.int().min(0)
const run = z.int().min(1)

/** One object that a command touches, as it was and as it is then. */
export const touchedObject = z.object({
  ref: z.string().describe('class:name'),
  change: z.enum(['create', 'update', 'delete']),
  before: values.optional(),
  after: values.optional(),
})
export type TouchedObject = z.output<typeof touchedObject>

export const checkResult = z.object({ name: z.string(), ok: z.boolean(), detail: z.string().optional() })
export type CheckResult = z.output<typeof checkResult>

/** What the dispatcher tells, and what the ledger keeps. Which parts there are follows from mode and status. */
export const receiptSchema = z.object({
  run,
  command: z.string().describe('an undo names the command that undoes'),
  mode: z.enum(COMMAND_MODES),
  status: z.enum(['planned', 'succeeded', 'verified', 'unverified', 'refused', 'failed']),
  actor: z.string(),
  reason: z.string().optional(),
  params: values.describe('numbers, terms and names as given; texts as their digest and bytes, secrets left out'),
  started_at: time,
  finished_at: time,
  target_run: run.optional().describe('the run that is verified or undone'),
  plan_run: run.optional(),
  repeated: z.literal(true).optional().describe('the first answer to this idempotency key'),

  // planned, succeeded
  plan_digest: digest.optional(),
  expires_at: time.optional().describe('until when a plan holds'),
  objects: z.array(touchedObject).max(200).optional().describe('at most 200; the counts are of all'),
  counts: z.object({ create: count, update: count, delete: count }).optional(),
  events: z.array(z.object({ type: z.string(), lane: z.string(), count })).optional(),
  before_digest: digest.optional(),
  after_digest: digest.optional(),
  outcome: z.string().optional().describe('what came of it, where what it was for did not happen, or not wholly'),
  headline: z.string().optional().describe('what it comes to, in a line'),
  result: values.optional(),
  notes: z.array(z.string()).optional(),
  checks: z.array(z.looseObject({ name: z.string() })).optional(),
  inverse: z.object({ command: z.string(), params: values }).nullable().optional().describe('what undoes it; null when nothing does'),
  irreversible: z.string().optional().describe('why nothing undoes it'),
  secret: z.record(z.string(), z.string()).optional().describe('told once, kept nowhere'),

  // verified, unverified
  results: z.array(checkResult).optional(),

  // refused, failed
  code: z.enum(PROBLEM_CODES).optional(),
  field: z.string().optional(),
  detail: z.string().optional(),
  more: z.string().optional(),
  friction: z.array(z.enum(FRICTIONS)).optional().describe('why this change asks for a plan and a reason'),
  hint: z.string().optional(),
  errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
})
export type Receipt = z.output<typeof receiptSchema>
