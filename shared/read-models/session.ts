import { z } from 'zod'
import { RIGHTS } from '../commands/contract.ts'
import { answer } from './page.ts'

export const sessionQuery = z.strictObject({})

/** Why a command cannot be applied now, and the gate that is in the way where there is one. */
const blocked = z.object({ code: z.enum(['forbidden', 'gate_closed', 'drifted']), gate: z.string().nullable(), why: z.string() })

/** Who is signed in, and what each command's button says to that. */
export const sessionAnswer = z.object({
  ...answer,
  account: z.string(),
  kind: z.enum(['session', 'token']),
  right: z.enum(RIGHTS),
  displayName: z.string(),
  expiresAt: z.string(),
  commands: z.record(z.string(), z.object({ label: z.string(), tier: z.union([z.literal(1), z.literal(2), z.literal(3)]), blocked: blocked.nullable() })),
})
export type Session = z.output<typeof sessionAnswer>
export type CommandState = Session['commands'][string]
