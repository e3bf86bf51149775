import type { ClientBase } from 'pg'

export interface Gate {
  gate: string
  state: 'open' | 'closed' | 'expired' | 'malformed' | 'missing'
  description: string | null
  reason: string | null
  changed_by: string | null
  changed_at: Date | null
  expires_at: Date | null
}

/** Every gate with its effective state, by name. */
export async function listGates(client: ClientBase): Promise<Gate[]> {
  const { rows } = await client.query<Gate>('SELECT gate, state, description, reason, changed_by, changed_at, expires_at FROM iu_core.v_iu_gate ORDER BY gate')
  return rows
}
