import { z } from 'zod'
import { answer, count, time } from './page.ts'

export const proofQuery = z.strictObject({})

/** One of the checks W1 to W9. */
export const work = z.object({ code: z.string(), name: z.string(), ok: z.boolean(), detail: z.string() })
export type Work = z.output<typeof work>

/** Rows with the probe's marker in one table. */
export const leftover = z.object({ relation: z.string(), rows: count })
export type Leftover = z.output<typeof leftover>

const facts = z.record(z.string(), z.unknown())

/** One of the scenarios A to H, as the receipt of `dot_iu_run_probe` has it among its checks. */
export const scenario = z.object({
  scenario: z.string(),
  name: z.string(),
  kind: z.literal('probe'),
  status: z.enum(['passed', 'failed', 'not_run']),
  expected: facts,
  actual: facts.optional().describe('absent where the scenario broke or was not run'),
  detail: z.string().optional().describe('why it broke, or was not run'),
  ms: z.number(),
})
export type Scenario = z.output<typeof scenario>

export const proofAnswer = z.object({
  ...answer,
  works: z.array(work),
  probe: z.object({
    runId: count,
    actor: z.string(),
    finishedAt: time,
    passed: count,
    ms: z.number(),
    scenarios: z.array(scenario),
    leftovers: z.array(leftover).describe('counted now'),
  }).nullable().describe('the last one; null before the first'),
})
export type Proof = z.output<typeof proofAnswer>
