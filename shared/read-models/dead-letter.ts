import { z } from 'zod'
import { answer, count } from './page.ts'

/** More of a payload than this is not put on a page. */
export const PAYLOAD_LIMIT = 65_536

export const deadLetterQuery = z.strictObject({ id: z.string().regex(/^\d{1,15}$/, 'is not a dead letter\'s number').describe('a dead letter\'s number') })

/** One dead letter's payload, indented; null when it is no longer open. */
export const deadLetterAnswer = z.object({ ...answer, deadLetterId: count, payload: z.string().nullable(), truncated: z.boolean() })
export type DeadLetter = z.output<typeof deadLetterAnswer>
