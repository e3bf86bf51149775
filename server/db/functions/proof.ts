import type { ClientBase } from 'pg'
import type { Leftover, Work } from '../../../shared/read-models/proof.ts'

/** The checks W1 to W9 of what is installed. */
export async function checkWorks(client: ClientBase): Promise<Work[]> {
  const { rows } = await client.query<Work>('SELECT check_code AS code, name, ok, detail FROM iu_core.v_iu_works')
  return rows
}

/** Rows with the probe's marker, now, for each table that could have one; `drawn` is from its receipt. */
export async function probeLeftovers(client: ClientBase, drawn: unknown): Promise<Leftover[]> {
  const { rows } = await client.query<Leftover>('SELECT relation, left_rows::integer AS rows FROM iu_core.fn_iu_probe_left($1) ORDER BY relation', [JSON.stringify(drawn)])
  return rows
}

/** A part of the accounting identity that is not what counting every row gives. */
export interface Miscount { field: string, audited: number, counted: number }

/** The accounting as the audit has it, all that it has not counted judged, held against a count of every row: in one snapshot, which takes as long as there are events. */
export async function recountAccounting(client: ClientBase): Promise<{ events: number, unexplained: number, miscounts: Miscount[] }> {
  const { rows: [row] } = await client.query<{ audited: Record<string, number>, counted: Record<string, number> }>(
    'SELECT to_json(a) AS audited, to_json(r) AS counted FROM iu_core.fn_iu_event_account(2147483647) AS a, iu_core.v_iu_accounting_recount AS r')
  const { audited, counted } = row!
  return {
    events: counted.events!,
    unexplained: counted.unexplained!,
    miscounts: Object.keys(counted).filter(field => audited[field] !== counted[field]).map(field => ({ field, audited: audited[field]!, counted: counted[field]! })),
  }
}
