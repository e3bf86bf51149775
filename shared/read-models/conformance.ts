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
  ok: z.boolean().describe('what is unknown is never ok'),
})
export type ConformanceCheck = z.output<typeof conformanceCheck>

/** An object that is not as it was deployed. */
export const driftObject = z.object({
  class: z.string(),
  identity: z.string(),
  state: z.enum(DRIFT_STATES),
  expected: z.string().describe('its definition as it was deployed; empty where there should be none'),
  live: z.string().describe('its definition as it is; empty where there is none'),
  statement: z.string().nullable().describe('what makes it as it was deployed; null where that is not known'),
  suggestedAction: z.string(),
})
export type DriftObject = z.output<typeof driftObject>

export const conformanceAnswer = z.object({
  ...answer,
  checkedAt: time,
  state: z.enum(['matches', 'drift', 'unknown']).describe('drift: at least one object has drifted; unknown: none is known to have, and not everything could be compared'),
  digest: z.string().nullable().describe('SHA-256, in hex, over every object of the live catalogue; null where nothing could be compared'),
  expected: count,
  matching: count.describe('of the expected, as deployed'),
  drift: count.describe('missing, unexpected and changed'),
  unknown: count,
  summary: z.string().describe('the counts in a sentence: what has drifted, and how many of the expected objects are as deployed'),
  why: z.string().nullable().describe('why something is unknown, and what to do'),
  checks: z.array(conformanceCheck),
  objects: z.array(driftObject).describe('the first hundred of those asked for, in an order in which their statements can be run'),
  asked: count.describe('how many objects the filter lets through, listed or not'),
})
export type Conformance = z.output<typeof conformanceAnswer>
