import { z } from 'zod'
import { answer, count } from './page.ts'

export const routingQuery = z.strictObject({})

export const knownType = z.object({
  eventType: z.string(),
  eventDomain: z.string(),
  deliveryLane: z.enum(['immediate', 'delayed']),
  isSystem: z.boolean(),
  description: z.string(),
  /** as text, so that its numbers stay as they are written */
  payloadSchema: z.string().describe('a JSON Schema'),
  payloadFault: z.string().nullable().describe('why nothing is judged by the schema; null where it is'),
})
export type KnownTypeRow = z.output<typeof knownType>

export const knownRoute = z.object({ routeId: count, routeCode: z.string(), eventType: z.string(), targetKind: z.string(), targetRef: z.string(), enabled: z.boolean(), dryRun: z.boolean() })
export type KnownRouteRow = z.output<typeof knownRoute>

/** All that the decision on an event depends on. */
export const routingAnswer = z.object({
  ...answer,
  types: z.array(knownType),
  routes: z.array(knownRoute),
  masterGateOpen: z.boolean(),
  workerGateOpen: z.boolean(),
})
export type Routing = z.output<typeof routingAnswer>
