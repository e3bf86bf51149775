import type { ClientBase, Pool } from 'pg'
import type { CommandContract } from '../../shared/commands/contract.ts'
import { signInSalt } from '../db/functions/session.ts'
import { hashPassword, passwordKey } from './password.ts'

type Params = Record<string, unknown>

/** A piece of a cut text: where its body lies in the text's bytes, and what the cut knows of it. */
export interface CutPiece { kind: string, start: number, length: number, title: string, level: number }

/** A text's pieces. */
export type CutText = (content: Buffer) => Promise<CutPiece[]>

/** The columns in which the dispatcher takes a cut. */
export function cutColumns(pieces: CutPiece[]): Record<string, unknown[]> {
  const column = (key: keyof CutPiece) => pieces.map(piece => piece[key])
  return { kinds: column('kind'), starts: column('start'), lengths: column('length'), titles: column('title'), levels: column('level') }
}

/**
 * What the dispatcher takes, made of what a client sent: a text comes with its cut, a password as its key. The present
 * password is that of the account that the command is about, or of `self`, who sends it.
 */
export async function toWire(contract: CommandContract, input: Params, db: Pool | ClientBase, cutText: CutText, self = ''): Promise<Params> {
  const { password, current_password: current, ...params } = input
  if (contract.wire === undefined) return input
  if (typeof input.text === 'string') return { ...input, cut: cutColumns(await cutText(Buffer.from(input.text))) }
  if (typeof password === 'string') Object.assign(params, await hashPassword(password))
  if (typeof current === 'string') params.current_key = (await passwordKey(current, await signInSalt(db, String(params.account ?? self)))).toString('hex')
  return params
}
