import { z } from 'zod'
import { anyObject, define, dotted, line, RUNTIME, term } from './contract.ts'

const common = { area: 'registry', right: 'approver', gates: RUNTIME, tier: 2 } as const

export const REGISTRY = [
  define({
    ...common, code: 'dot_iu_register_event_type', label: 'Register event type',
    description: 'Registers an application\'s event type, or describes it anew.',
    input: z.strictObject({
      event_type: dotted, description: line(1000, 1), delivery_lane: z.enum(['delayed', 'immediate']).optional(),
      payload_schema: anyObject().optional().describe('a JSON Schema'),
    }),
    refreshes: ['attempts/summary'],
  }),
  define({
    ...common, code: 'dot_iu_register_route', label: 'Register route',
    description: 'Registers a route as a dry run, or defines it anew; it loses its approval then.',
    input: z.strictObject({
      route: dotted, event_type: dotted, target_kind: term().describe('log, workflow or webhook'), target_ref: line(2000, 1), enabled: z.boolean().optional(),
    }),
    refreshes: ['attempts/summary', 'overview'],
  }),
]
