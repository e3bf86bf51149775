import { z } from 'zod'
import { attemptCounts } from './attempts.ts'
import { answer, count, time } from './page.ts'

export const attemptSummaryQuery = z.strictObject({})

/** One row of the matrix route × outcome. */
export const routeSummary = z.object({
  routeId: count,
  routeCode: z.string(),
  eventType: z.string().nullable(),
  enabled: z.boolean().nullable(),
  dryRun: z.boolean().nullable(),
  counts: attemptCounts,
  total: count,
  lastAttemptAt: time.nullable(),
})
export type RouteSummary = z.output<typeof routeSummary>

export const attemptSummaryAnswer = z.object({ ...answer, routes: z.array(routeSummary), totals: attemptCounts, total: count, eventTypes: z.array(z.string()) })
export type AttemptSummary = z.output<typeof attemptSummaryAnswer>
