import { z } from 'zod'
import { answer, count, time } from './page.ts'

export const replaysQuery = z.strictObject({})

export const replayRow = z.object({
  jobId: count,
  what: z.enum(['dead_letters', 'skipped']),
  filter: z.record(z.string(), z.unknown()).describe('what was asked for'),
  total: count,
  perSecond: count.nullable().describe('at most so many a second'),
  status: z.enum(['running', 'stopped', 'done']),
  done: count,
  replayed: count,
  failedAgain: count,
  leftAlone: count.describe('resolved by somebody else, or on a disabled route'),
  startedAt: time,
  startedBy: z.string(),
  stoppedAt: time.nullable(),
  stoppedBy: z.string().nullable(),
  lastBatchAt: time.nullable(),
  finishedAt: time.nullable(),
  waitsFor: z.string().nullable().describe('a gate that is closed'),
})
export type ReplayRow = z.output<typeof replayRow>

export const replaysAnswer = z.object({ ...answer, rows: z.array(replayRow).max(5).describe('those that are not done, then the newest') })
export type Replays = z.output<typeof replaysAnswer>
