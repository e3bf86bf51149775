import type { Client } from 'pg'

/** Enters a login as a member of a role, where it is one: what bootstrap did not make is drift as long as nobody says that it should be. */
export async function enterLogin(client: Client, login: string, role: string): Promise<void> {
  await client.query(`SELECT iu_core.fn_dot_inventory_register(NULL, NULL, 'principal', $1)`, [`member ${login} of ${role}`])
}
