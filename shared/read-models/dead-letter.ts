import { z } from 'zod'
import { ATTEMPT_STATUSES } from './attempts.ts'
import { deadLetterRow } from './dead-letters.ts'
import { answer, count, time } from './page.ts'

/** More of a payload than this is not put on a page. */
export const PAYLOAD_LIMIT = 65_536
/** What takes more bytes than this is not written out at all, not even to show its beginning. */
export const PAYLOAD_MOST = 16_777_216

export const LETTER_STATUSES = ['open', 'replayed', 'rerouted', 'corrected', 'discarded'] as const
export type LetterStatus = (typeof LETTER_STATUSES)[number]

export const deadLetterQuery = z.strictObject({ id: z.string().regex(/^\d{1,15}$/, 'is not a dead letter\'s number').describe('a dead letter\'s number') })

const related = z.object({ deadLetterId: count, eventId: count, routeCode: z.string(), status: z.enum(LETTER_STATUSES) })
export type RelatedLetter = z.output<typeof related>

/** One dead letter, open or not, with all that came before it and after it. */
export const deadLetterAnswer = z.object({
  ...answer,
  ...deadLetterRow.shape,
  status: z.enum(LETTER_STATUSES),
  resolvedAt: time.nullable(),
  resolvedBy: z.string().nullable(),
  replayJobId: count.nullable().describe('the background replay that attempted it last'),
  isSystem: z.boolean().describe('an event of the system: it is not corrected'),
  payload: z.string().describe('as it was emitted, indented'),
  hidden: z.string().nullable().describe('why the payload cannot be written out; it is empty then'),
  truncated: z.boolean(),
  attempts: z.array(z.object({
    attemptNo: count, routeCode: z.string(), status: z.enum(ATTEMPT_STATUSES), failureCode: z.string().nullable(), failureDetail: z.string().nullable(), workerCode: z.string(), createdAt: time,
  })).describe('of the event on this route, or on all where no route had taken it'),
  runs: z.array(z.object({ run: count, label: z.string(), mode: z.string(), status: z.string(), outcome: z.string().nullable(), actor: z.string(), at: time })).describe('commands that touched it, newest first'),
  others: z.array(related).describe('other letters of the same event'),
  corrects: z.array(related).describe('letters in whose place its event was emitted'),
  correctedBy: z.object({ eventId: count, heldSince: time.nullable().describe('it waits on lane held'), letters: z.array(related) }).nullable().describe('the event in its place'),
})
export type DeadLetter = z.output<typeof deadLetterAnswer>
