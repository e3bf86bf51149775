import { z } from 'zod'
import { attemptCounts, attemptFilter } from './attempts.ts'
import { answer, count, time } from './page.ts'

export const HISTORY_RANGES = ['24h', '7d', '30d'] as const
export type HistoryRange = (typeof HISTORY_RANGES)[number]

/** Each range has about thirty bars. */
export const RANGE_HOURS: Record<HistoryRange, { bucket: number, buckets: number }> = {
  '24h': { bucket: 1, buckets: 24 },
  '7d': { bucket: 6, buckets: 28 },
  '30d': { bucket: 24, buckets: 30 },
}

export const attemptHistoryQuery = z.strictObject({
  range: z.enum(HISTORY_RANGES).default('24h').describe('how far back'),
  ...attemptFilter,
  type: attemptFilter.type.describe('the event type of the routes; attempts without a route have none'),
})
export type AttemptHistoryQuery = z.output<typeof attemptHistoryQuery>

export const historyBucket = z.object({ start: time, counts: attemptCounts, total: count })
export type HistoryBucket = z.output<typeof historyBucket>

export const attemptHistoryAnswer = z.object({ ...answer, range: z.enum(HISTORY_RANGES), bucketHours: count, buckets: z.array(historyBucket) })
export type AttemptHistory = z.output<typeof attemptHistoryAnswer>
