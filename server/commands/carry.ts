import type { ClientBase, Pool } from 'pg'
import { findCommand } from '../../shared/commands/index.ts'
import type { Receipt } from '../../shared/commands/receipt.ts'
import { type CommandCall, runCommand } from '../db/functions/command.ts'

/** A command was refused, or failed inside: its receipt says why, and nothing was changed. */
export class RefusedCommand extends Error {
  readonly receipt: Receipt
  constructor(receipt: Receipt) {
    super(receipt.detail ?? receipt.code ?? 'refused')
    this.receipt = receipt
  }
}

/** The receipt of a run that was not refused. @throws {RefusedCommand} */
export async function runOrThrow(db: Pool | ClientBase, call: CommandCall): Promise<Receipt> {
  const receipt = await runCommand(db, call)
  if (receipt.code) throw new RefusedCommand(receipt)
  return receipt
}

/**
 * Takes a command from its plan to its verification, for callers whose intention is the command itself, such as
 * `iu gate open`. @returns the receipt of the apply and the results of its checks. @throws {RefusedCommand}
 */
export async function carry(db: Pool | ClientBase, command: string, params: Record<string, unknown>, given: Pick<CommandCall, 'reason' | 'confirm' | 'token'> = {}): Promise<{ receipt: Receipt, verified: Receipt }> {
  const call = { command, params, ...given }
  const plan = (findCommand(command)?.tier ?? 2) > 1 ? await runOrThrow(db, { ...call, mode: 'plan' }) : undefined
  const receipt = await runOrThrow(db, { ...call, mode: 'apply', planDigest: plan?.plan_digest })
  return { receipt, verified: await runOrThrow(db, { command, mode: 'verify', run: receipt.run, token: given.token }) }
}
