import { z } from 'zod'
import { boundedCount, count, cursors, numericCursor, pageOf, text, time } from './page.ts'

/** A cause's fingerprint. */
export const cause = z.string().regex(/^[0-9a-f]{16}$/, 'is no fingerprint of a cause').describe('a cause\'s fingerprint')
const instant = z.iso.datetime({ offset: true, error: 'is no time: write it as 2030-01-31T12:00:00Z' })

export const deadLettersQuery = z.strictObject({
  cause: cause.optional(),
  code: text(200).optional().describe('a failure\'s code'),
  type: text(200).optional().describe('an event type'),
  route: text(200).optional().describe('a route\'s code'),
  from: instant.optional().describe('dead-lettered not before this time'),
  to: instant.optional().describe('dead-lettered before this time'),
  ...cursors(numericCursor(1)),
})
export type DeadLettersQuery = z.output<typeof deadLettersQuery>

export const deadLetterRow = z.object({
  deadLetterId: count,
  eventId: count,
  routeCode: z.string(),
  routeEnabled: z.boolean().nullable().describe('null where no route took the event'),
  attemptNo: count,
  failureCode: z.string(),
  failureDetail: z.string().nullable(),
  cause: z.string(),
  eventDomain: z.string(),
  eventType: z.string(),
  subjectTable: z.string().nullable(),
  subjectRef: z.string().nullable(),
  actor: z.string().nullable(),
  eventCreatedAt: time,
  createdAt: time,
})
export type DeadLetterRow = z.output<typeof deadLetterRow>

/** One cause: the same failure on the same route, in the same words but for what an event has of its own. */
export const deadLetterCause = z.object({
  cause: z.string(),
  failureCode: z.string(),
  failureKind: z.string().describe('the failure\'s words, without values'),
  eventType: z.string(),
  routeCode: z.string(),
  routeEnabled: z.boolean().nullable(),
  letters: boundedCount,
  sampleId: count.describe('the newest of its letters'),
  firstAt: time,
  lastAt: time,
})
export type DeadLetterCause = z.output<typeof deadLetterCause>

export const deadLettersAnswer = z.object({
  ...pageOf(deadLetterRow),
  total: boundedCount,
  causes: z.array(deadLetterCause).max(24).describe('of all open letters, those with most letters first'),
  moreCauses: z.boolean().describe('there are more causes than are listed'),
})
export type DeadLetters = z.output<typeof deadLettersAnswer>
