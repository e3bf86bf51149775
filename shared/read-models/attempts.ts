import { z } from 'zod'
import { boundedCount, count, cursors, numericCursor, pageOf, text, time } from './page.ts'

export const ATTEMPT_STATUSES = ['dry_run', 'sent', 'failed', 'skipped'] as const
export type AttemptStatus = (typeof ATTEMPT_STATUSES)[number]

/** `<event>.<route>.<attempt>`, the attempt's own key. */
export const attemptCursor = numericCursor(3)

/** What a list of attempts, and their chart, is narrowed to. */
export const attemptFilter = {
  route: text(200).optional().describe('a route\'s code'),
  status: z.enum(ATTEMPT_STATUSES).optional().describe('what became of it'),
  type: text(200).optional().describe('an event type'),
}

export const attemptsQuery = z.strictObject({ ...attemptFilter, ...cursors(attemptCursor) })
export type AttemptsQuery = z.output<typeof attemptsQuery>

/** How many attempts of each outcome. */
export const attemptCounts = z.object({ dry_run: count, sent: count, failed: count, skipped: count } satisfies Record<AttemptStatus, typeof count>)

export const attemptRow = z.object({
  eventId: count,
  routeId: count,
  routeCode: z.string(),
  attemptNo: count,
  status: z.enum(ATTEMPT_STATUSES),
  failureCode: z.string().nullable(),
  failureDetail: z.string().nullable(),
  eventDomain: z.string(),
  eventType: z.string(),
  subjectTable: z.string().nullable(),
  subjectRef: z.string().nullable(),
  targetKind: z.string().nullable(),
  targetRef: z.string().nullable(),
  workerCode: z.string().describe('whose cursor, or replay'),
  createdAt: time,
})
export type AttemptRow = z.output<typeof attemptRow>

export const attemptsAnswer = z.object({ ...pageOf(attemptRow), total: boundedCount })
export type Attempts = z.output<typeof attemptsAnswer>
