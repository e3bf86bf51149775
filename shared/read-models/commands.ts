import { z } from 'zod'
import { AREAS, RIGHTS } from '../commands/contract.ts'
import { answer, count, time } from './page.ts'

export const commandsQuery = z.strictObject({})

/** One command, with what became of its newest ten thousand runs. */
export const commandRow = z.object({
  command: z.string(),
  label: z.string(),
  area: z.enum(AREAS),
  tier: z.int(),
  right: z.enum(RIGHTS),
  gates: z.array(z.string()),
  description: z.string(),
  planned: count,
  succeeded: count,
  refused: count,
  failed: count,
  undone: count,
  lastRunId: count.nullable(),
  lastRunAt: time.nullable(),
  lastActor: z.string().nullable(),
  lastStatus: z.string().nullable().describe('what came of the last run'),
  otherwise: count.describe('applied, and what they were for did not happen, or not wholly'),
})
export type CommandRow = z.output<typeof commandRow>

export const commandsAnswer = z.object({ ...answer, commands: z.array(commandRow) })
export type Commands = z.output<typeof commandsAnswer>
