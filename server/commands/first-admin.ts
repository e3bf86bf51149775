import { randomBytes } from 'node:crypto'
import type { ClientBase } from 'pg'
import { carry } from './carry.ts'
import { hashPassword } from './password.ts'

/** A password nobody has thought of: 144 bits, in letters that a double click selects. */
export const makePassword = (): string => randomBytes(18).toString('base64url').replace(/[-_]/g, 'x')

/** Tells somebody a password that was made for an account, once `commit` has made it hold. */
export type HandOver = <T>(account: string, password: string, commit: () => Promise<T>) => Promise<T>

/** Makes the account `admin` where there is none of any name, and hands its password over; whether it had to. */
export async function ensureFirstAdmin(client: ClientBase, handOver: HandOver): Promise<boolean> {
  const { rowCount } = await client.query('SELECT FROM iu_core.v_iu_account LIMIT 1')
  if (rowCount) return false
  const password = makePassword()
  const hashed = await hashPassword(password)
  await handOver('admin', password, () => carry(client, 'dot_iu_add_account', { account: 'admin', display_name: 'Administrator', right: 'admin', ...hashed }))
  return true
}
