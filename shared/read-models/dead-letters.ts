import { z } from 'zod'
import { type BoundedCount, type Page, numericCursor, text } from './page.ts'

export const deadLettersQuery = z.strictObject({
  code: text(200).optional(),
  type: text(200).optional(),
  route: text(200).optional(),
  after: numericCursor(1).optional(),
  before: numericCursor(1).optional(),
})
export type DeadLettersQuery = z.output<typeof deadLettersQuery>

export interface DeadLetterRow {
  deadLetterId: number
  eventId: number
  routeCode: string
  attemptNo: number
  failureCode: string
  failureDetail: string | null
  eventDomain: string
  eventType: string
  subjectTable: string | null
  subjectRef: string | null
  actor: string | null
  eventCreatedAt: string
  createdAt: string
}

/** One cause: the same failure on the same type of event. */
export interface DeadLetterGroup {
  failureCode: string
  eventType: string
  count: number
}

export interface DeadLetters extends Page<DeadLetterRow> {
  total: BoundedCount
  groups: DeadLetterGroup[]
}
