import { z } from 'zod'
import { body, pasted, type CommandContract } from './contract.ts'

const run = z.int().min(1)
const reason = body(2000).optional()
const planDigest = pasted.regex(/^[0-9a-f]{64}$/, 'is no digest of a plan').optional()
const confirm = body(2000).optional()

/** The bodies of `POST /api/commands/<name>`: the four things one can ask for. The idempotency key is a header. */
export const commandRequests = ({ input }: Pick<CommandContract, 'input'>) => ({
  command: z.strictObject({ mode: z.enum(['plan', 'apply']), params: input, reason, planDigest, confirm }),
  planUndo: z.strictObject({ mode: z.literal('plan'), run }),
  undo: z.strictObject({ mode: z.literal('rollback'), run, reason, planDigest, confirm }),
  verify: z.strictObject({ mode: z.literal('verify'), run }),
})

/** The schema that a body is meant for, so that what is wrong with it is told in its own terms. */
export function commandRequest(contract: CommandContract, body: unknown) {
  const { mode, run } = (typeof body === 'object' && body !== null ? body : {}) as { mode?: unknown, run?: unknown }
  const requests = commandRequests(contract)
  if (mode === 'verify') return requests.verify
  if (mode === 'rollback') return requests.undo
  return mode === 'plan' && run !== undefined ? requests.planUndo : requests.command
}

export interface CommandRequest {
  mode: 'plan' | 'apply' | 'verify' | 'rollback'
  params?: Record<string, unknown>
  run?: number
  reason?: string
  planDigest?: string
  confirm?: string
}
