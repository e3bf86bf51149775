import type pg from 'pg'
import { carry } from '../../../server/commands/carry.ts'
import { hashPassword } from '../../../server/commands/password.ts'

/** The people of the specs, each named after the right; `second` is another approver. */
export const PEOPLE = { reviewer: 'reviewer', operator: 'operator', approver: 'approver', second: 'approver', manager: 'admin' } as const
export type Person = keyof typeof PEOPLE

export const PASSWORD = 'a password for the specs'

/** Enters the logins that are there: in a database that does not know them they are drift. */
export async function enterLogins(client: pg.Client): Promise<void> {
  await client.query(`SELECT iu_core.fn_dot_inventory_register(NULL, NULL, 'principal', identity) FROM iu_core.v_dot_drift WHERE class = 'principal'`)
}

export async function addPeople(client: pg.Client): Promise<void> {
  for (const [account, right] of Object.entries(PEOPLE)) await carry(client, 'dot_iu_add_account', { account, right, ...await hashPassword(PASSWORD) })
}
