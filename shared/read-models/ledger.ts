import { z } from 'zod'
import { answer, boundedCount, count, cursors, numericCursor, pageOf, text, time } from './page.ts'

export const RUN_MODES = ['plan', 'apply', 'verify', 'rollback'] as const
export const RUN_STATUSES = ['planned', 'succeeded', 'verified', 'unverified', 'refused', 'failed'] as const

export const ledgerQuery = z.strictObject({
  command: text(100).optional().describe('a command\'s code'),
  actor: text(200).optional().describe('who ran it'),
  status: z.enum(RUN_STATUSES).optional(),
  mode: z.enum(RUN_MODES).optional(),
  object: text(2000).optional().describe('class:name of an object that was touched'),
  ...cursors(numericCursor(1)),
})
export type LedgerQuery = z.output<typeof ledgerQuery>

export const runRow = z.object({
  runId: count,
  command: z.string(),
  label: z.string(),
  mode: z.enum(RUN_MODES),
  status: z.enum(RUN_STATUSES),
  code: z.string().nullable(),
  actor: z.string(),
  actorKind: z.string(),
  reason: z.string().nullable(),
  /** the first of the objects touched, and how many there are */
  firstObject: z.string().nullable(),
  objects: count,
  eventCount: count,
  targetRunId: count.nullable(),
  verifyStatus: z.string().nullable(),
  undoneByRunId: count.nullable(),
  sealNo: count.nullable(),
  outcome: z.string().nullable().describe('what came of it, where what it was for did not happen, or not wholly'),
  finishedAt: time,
})
export type RunRow = z.output<typeof runRow>

export const chain = z.object({ head: z.string().nullable(), headNo: count.nullable(), unsealed: count, oldestUnsealedAt: time.nullable(), lastSealedAt: time.nullable() })

/** What became of the runs, the newest 10,001 at most. */
export const runCounts = z.object({ runs: count, apply: count, applied: count, refused: count, failed: count, unverified: count, otherwise: count.describe('applied, and what they were for did not happen, or not wholly') })
export type RunCounts = z.output<typeof runCounts>

export const ledgerAnswer = z.object({ ...pageOf(runRow), total: boundedCount, counts: runCounts, chain })
export type Ledger = z.output<typeof ledgerAnswer>

export const runQuery = z.strictObject({ id: z.string().regex(/^\d{1,15}$/, 'is not a run\'s number').describe('a run\'s number') })

/** One run with its whole receipt. */
export const runAnswer = z.object({
  ...answer,
  ...runRow.shape,
  planRunId: count.nullable(),
  verifyRunId: count.nullable(),
  eventFrom: count.nullable(),
  eventTo: count.nullable(),
  startedAt: time,
  durationMs: z.number(),
  objectRefs: z.array(z.string()),
  /** as the dispatcher told it; see shared/commands/receipt.ts */
  receipt: z.record(z.string(), z.unknown()),
})
export type LedgerRun = z.output<typeof runAnswer>
