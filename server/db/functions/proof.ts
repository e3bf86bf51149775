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
