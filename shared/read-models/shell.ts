import { z } from 'zod'
import { answer, boundedCount } from './page.ts'

export const shellQuery = z.strictObject({})

export const deliveryMode = z.enum(['DRY RUN', 'LIVE', 'STOPPED'])
export type DeliveryMode = z.output<typeof deliveryMode>

/** What the header strip of every page shows. */
export const shellAnswer = z.object({ ...answer, deliveryMode, blockedBy: z.string().nullable(), openDeadLetters: boundedCount, healthy: z.boolean() })
export type Shell = z.output<typeof shellAnswer>
