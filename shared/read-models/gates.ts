import { z } from 'zod'
import { answer, count, time } from './page.ts'

export const gatesQuery = z.strictObject({})

export const rung = z.object({
  rung: z.enum(['L0', 'L1', 'L2', 'L3']),
  subject: z.string(),
  state: z.enum(['open', 'closed', 'expired', 'malformed', 'missing', 'partly']),
  blocks: z.boolean(),
  reason: z.string().nullable(),
  changedBy: z.string().nullable(),
  changedAt: time.nullable(),
  expiresAt: time.nullable(),
  /** routes or triggers that are off, and all of them */
  off: count.nullable(),
  total: count.nullable(),
  /** events that its opening would let go; one more than 10,000 means "more than that" */
  wouldRelease: count.nullable(),
  stops: z.string(),
  loses: z.string(),
})
export type Rung = z.output<typeof rung>

export const gate = z.object({
  gate: z.string(),
  state: z.enum(['open', 'closed', 'expired', 'malformed', 'missing']),
  isOpen: z.boolean(),
  description: z.string().nullable(),
  reason: z.string().nullable(),
  changedBy: z.string().nullable(),
  changedAt: time.nullable(),
  expiresAt: time.nullable(),
})

export const route = z.object({ routeId: count, routeCode: z.string(), eventType: z.string(), targetKind: z.string(), targetRef: z.string(), enabled: z.boolean(), dryRun: z.boolean() })

/** The disable ladder, every gate, and every route. */
export const gatesAnswer = z.object({
  ...answer,
  ladder: z.array(rung),
  /** the first rung that blocks; null when events are routed */
  firstBlocking: z.enum(['L0', 'L1', 'L2', 'L3']).nullable(),
  deliveryMode: z.enum(['DRY RUN', 'LIVE', 'STOPPED']),
  gates: z.array(gate),
  routes: z.array(route),
})
export type Gates = z.output<typeof gatesAnswer>
