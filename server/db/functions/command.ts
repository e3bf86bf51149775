import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientBase, Pool } from 'pg'
import { faultOf } from '../faults.ts'
import type { CommandMode, Receipt } from '../../../shared/commands/receipt.ts'

/** One call of the dispatcher. */
export interface CommandCall {
  command: string
  mode: CommandMode
  params?: Record<string, unknown>
  reason?: string
  /** of the plan that is applied, hex */
  planDigest?: string
  /** the run that is verified or undone */
  run?: number
  /** the name typed once more */
  confirm?: string
  idempotencyKey?: string
  /** of a session or an API token; without one the login itself acts */
  token?: string
}

const SQL = 'SELECT iu_core.fn_dot_command_run($1, $2, $3, $4, $5, $6, $7, $8, $9) AS receipt'
const ATTEMPTS = 6

/**
 * Runs a command in a transaction of its own and returns its receipt, a refusal included. A conflict with
 * another command is tried again with the same key.
 * @throws the database's error where there is no receipt: IU002, IU003, IU011, IU012, IU013, or a conflict that would not end.
 */
export async function runCommand(db: Pool | ClientBase, call: CommandCall): Promise<Receipt> {
  const values = [
    call.command, call.mode, JSON.stringify(call.params ?? {}), call.reason ?? null, call.planDigest ?? null,
    call.run ?? null, call.confirm ?? null, call.idempotencyKey ?? null, call.token ?? null,
  ]
  for (let attempt = 1; ; attempt++) {
    try {
      const { rows } = await db.query<{ receipt: Receipt }>(SQL, values)
      return rows[0]!.receipt
    }
    catch (error) {
      if (attempt === ATTEMPTS || faultOf(error as Error) !== 'conflict') throw error
      await sleep(Math.random() * 20 * 2 ** attempt)
    }
  }
}
