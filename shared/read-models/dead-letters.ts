import { z } from 'zod'
import { boundedCount, count, cursors, numericCursor, pageOf, text, time } from './page.ts'

export const deadLettersQuery = z.strictObject({
  code: text(200).optional().describe('a failure\'s code'),
  type: text(200).optional().describe('an event type'),
  route: text(200).optional().describe('a route\'s code'),
  ...cursors(numericCursor(1)),
})
export type DeadLettersQuery = z.output<typeof deadLettersQuery>

export const deadLetterRow = z.object({
  deadLetterId: count,
  eventId: count,
  routeCode: z.string(),
  attemptNo: count,
  failureCode: z.string(),
  failureDetail: z.string().nullable(),
  eventDomain: z.string(),
  eventType: z.string(),
  subjectTable: z.string().nullable(),
  subjectRef: z.string().nullable(),
  actor: z.string().nullable(),
  eventCreatedAt: time,
  createdAt: time,
})
export type DeadLetterRow = z.output<typeof deadLetterRow>

/** One cause: the same failure on the same type of event. */
export const deadLetterGroup = z.object({ failureCode: z.string(), eventType: z.string(), count })
export type DeadLetterGroup = z.output<typeof deadLetterGroup>

export const deadLettersAnswer = z.object({ ...pageOf(deadLetterRow), total: boundedCount, groups: z.array(deadLetterGroup) })
export type DeadLetters = z.output<typeof deadLettersAnswer>
