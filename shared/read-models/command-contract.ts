import { z } from 'zod'
import { RIGHTS } from '../commands/contract.ts'
import { answer } from './page.ts'

export const commandContractQuery = z.strictObject({ name: z.string().max(100).describe('a command\'s code') })

/** One command's contract: all that its dialog needs. `schema` is the JSON Schema of the parameters. */
export const commandContractAnswer = z.object({
  ...answer,
  command: z.string(),
  label: z.string(),
  description: z.string(),
  tier: z.int(),
  right: z.enum(RIGHTS),
  gates: z.array(z.object({ gate: z.string(), isOpen: z.boolean(), state: z.string() })),
  reasonRequired: z.boolean(),
  /** the parameter whose value is typed once more */
  confirm: z.string().nullable(),
  /** read models that a success makes old */
  refreshes: z.array(z.string()).readonly(),
  schema: z.record(z.string(), z.unknown()),
})
export type CommandContractView = z.output<typeof commandContractAnswer>
