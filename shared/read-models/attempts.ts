import { z } from 'zod'
import { type BoundedCount, type Page, numericCursor, text } from './page.ts'

export const ATTEMPT_STATUSES = ['dry_run', 'sent', 'failed', 'skipped'] as const
export type AttemptStatus = (typeof ATTEMPT_STATUSES)[number]

/** `<event>.<route>.<attempt>`, the attempt's own key. */
export const attemptCursor = numericCursor(3)

export const attemptsQuery = z.strictObject({
  route: text(200).optional(),
  status: z.enum(ATTEMPT_STATUSES).optional(),
  type: text(200).optional(),
  after: attemptCursor.optional(),
  before: attemptCursor.optional(),
})
export type AttemptsQuery = z.output<typeof attemptsQuery>

export interface AttemptRow {
  eventId: number
  routeId: number
  routeCode: string
  attemptNo: number
  status: AttemptStatus
  failureCode: string | null
  failureDetail: string | null
  eventDomain: string
  eventType: string
  subjectTable: string | null
  subjectRef: string | null
  targetKind: string | null
  targetRef: string | null
  createdAt: string
}

export interface Attempts extends Page<AttemptRow> {
  total: BoundedCount
}
