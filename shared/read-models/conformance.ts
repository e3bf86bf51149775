import { z } from 'zod'
import { answer, count, time } from './page.ts'

/** What an object that is not as it was deployed can be. */
export const DRIFT_STATES = ['missing', 'unexpected', 'changed', 'unknown'] as const

export const conformanceQuery = z.strictObject({
  state: z.enum(['ok', ...DRIFT_STATES]).optional().describe('only objects of this state; what is ok is counted and not listed'),
})

/** One of the checks D1 to D10: a class of objects, everything (D8), the classes D1 to D7 themselves (D9), or what guards the schema (D10). */
export const conformanceCheck = z.object({
  code: z.string(),
  class: z.string(),
  expected: count.describe('as the inventory has it'),
  present: count.describe('of these, in the live catalogue, changed or not'),
  missing: count,
  unexpected: count,
  changed: count,
  unknown: count,
  matching: count.describe('of the expected, as deployed'),
  accepted: count.describe('not as deployed, and accepted so by an approver: no drift'),
  ok: z.boolean().describe('what is unknown or accepted is never ok'),
})
export type ConformanceCheck = z.output<typeof conformanceCheck>

/** An object that is not as it was deployed, and what it is found by. */
const deviation = {
  class: z.string(),
  identity: z.string(),
  expected: z.string().describe('its definition as it was deployed; empty where there should be none'),
  live: z.string().describe('its definition as it is; empty where there is none'),
  statement: z.string().nullable().describe('what makes it as it was deployed; null where that is not known'),
}

/** An object that has drifted. */
export const driftObject = z.object({
  ...deviation,
  state: z.enum(DRIFT_STATES),
  digest: z.string().nullable().describe('of the deviation, by which it can be accepted; null where it is unknown'),
  suggestedAction: z.string(),
})
export type DriftObject = z.output<typeof driftObject>

/** An object that is not as it was deployed, and was accepted exactly so. */
export const acceptedObject = z.object({
  ...deviation,
  state: z.enum(['missing', 'unexpected', 'changed']),
  digest: z.string(),
  owner: z.string().describe('who answers for it'),
  reason: z.string(),
  acceptedBy: z.string(),
  acceptedAt: time,
  expiresAt: time.describe('it is drift again then, or when it changes once more'),
})
export type AcceptedObject = z.output<typeof acceptedObject>

export const conformanceAnswer = z.object({
  ...answer,
  checkedAt: time,
  state: z.enum(['matches', 'accepted', 'drift', 'unknown']).describe('drift: at least one object has drifted; unknown: none is known to have, and not everything could be compared; accepted: everything that is not as deployed was accepted so'),
  digest: z.string().nullable().describe('SHA-256, in hex, over every object of the live catalogue; null where nothing could be compared'),
  expected: count,
  matching: count.describe('of the expected, as deployed'),
  drift: count.describe('missing, unexpected and changed, and not accepted'),
  unknown: count,
  summary: z.string().describe('the counts in a sentence: what has drifted, and how many of the expected objects are as deployed'),
  why: z.string().nullable().describe('why something is unknown, and what to do'),
  checks: z.array(conformanceCheck),
  objects: z.array(driftObject).describe('the first hundred of those asked for, in an order in which their statements can be run'),
  accepted: z.array(acceptedObject).describe('what is not as deployed and was accepted so, all of it'),
  notCompared: z.array(z.object({ kind: z.string(), why: z.string() })).describe('the kinds of things that no check looks at'),
  asked: count.describe('how many objects the filter lets through, listed or not'),
})
export type Conformance = z.output<typeof conformanceAnswer>
