import { randomBytes } from 'node:crypto'
import type { ClientBase } from 'pg'
import { carry } from './carry.ts'
import { hashPassword } from './password.ts'

/** A password nobody has thought of: 144 bits, in letters that a double click selects. */
export const makePassword = (): string => randomBytes(18).toString('base64url').replace(/[-_]/g, 'x')

/** Makes the account `admin` where there is none of any name; its password, or undefined when accounts exist. */
export async function ensureFirstAdmin(client: ClientBase): Promise<string | undefined> {
  const { rowCount } = await client.query('SELECT FROM iu_core.v_iu_account LIMIT 1')
  if (rowCount) return undefined
  const password = makePassword()
  await carry(client, 'dot_iu_add_account', { account: 'admin', display_name: 'Administrator', right: 'admin', ...await hashPassword(password) })
  return password
}
