import type pg from 'pg'

/** A view that nobody deployed, which serves no command; what accepting it takes. */
export async function deviation(client: pg.Pool, name: string): Promise<Record<string, unknown>> {
  const object = `v_${name.replace(/\W/g, '_')}`.slice(0, 63)
  await client.query(`CREATE VIEW iu_core.${object} AS SELECT 1 AS one`)
  const { rows } = await client.query<{ digest: string }>(`SELECT digest FROM iu_core.v_dot_drift WHERE class = 'view' AND identity = $1`, [object])
  return { class: 'view', object, digest: rows[0]!.digest, owner: 'the tests', expires_at: new Date(Date.now() + 86_400_000).toISOString() }
}
