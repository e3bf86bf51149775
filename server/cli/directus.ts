import type { Client } from 'pg'
import { Refusal } from './report.ts'

/** What Directus lacks of our views, by table; empty where it lacks nothing. */
export interface Registration {
  schema: string
  collections: string[]
  fields: string[]
  permissions: string[]
}

/** Views that readers may see, with what Directus asks for each column: special, how it is shown, and its place. */
const WANTED = `
  SELECT c.relname::text AS collection, a.attname::text AS field, a.attnum::integer AS sort, obj_description(c.oid, 'pg_class') AS note,
    CASE t.typname WHEN 'json' THEN 'cast-json' WHEN 'jsonb' THEN 'cast-json' WHEN 'bool' THEN 'cast-boolean' WHEN 'timestamptz' THEN 'cast-timestamp' END AS special,
    CASE t.typname WHEN 'json' THEN 'input-code' WHEN 'jsonb' THEN 'input-code' WHEN 'bool' THEN 'boolean' WHEN 'timestamptz' THEN 'datetime' ELSE 'input' END AS interface
  FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 JOIN pg_type AS t ON t.oid = a.atttypid
  WHERE c.relnamespace = 'iu_core'::regnamespace AND c.relkind = 'v' AND has_table_privilege('iu_reader', c.oid, 'SELECT')`

/** The schema that Directus' tables stand in; undefined where it is not connected. */
async function schemaOf(client: Client): Promise<string | undefined> {
  const { rows } = await client.query<{ schema: string }>(`
    SELECT quote_ident(n.nspname) AS schema FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relname = 'directus_collections' AND c.relkind = 'r' ORDER BY n.nspname = 'public' DESC, n.nspname LIMIT 1`)
  return rows[0]?.schema
}

/** Whose permissions are given by which column: a policy's since Directus 11, a role's before. */
async function readerOf(client: Client, schema: string, name: string): Promise<{ column: 'policy' | 'role', id: string }> {
  const { rows: columns } = await client.query<{ column: 'policy' | 'role' }>(
    `SELECT attname AS column FROM pg_attribute WHERE attrelid = $1::regclass AND attname IN ('policy', 'role') AND NOT attisdropped ORDER BY 1 LIMIT 1`, [`${schema}.directus_permissions`])
  const column = columns[0]?.column
  if (!column) throw new Refusal(`${schema}.directus_permissions has neither policies nor roles: this version of Directus is not known`)
  const table = column === 'policy' ? 'directus_policies' : 'directus_roles'
  const { rows } = await client.query<{ id: string }>(`SELECT id::text AS id FROM ${schema}.${table} WHERE name = $1`, [name])
  if (rows.length !== 1) throw new Refusal(`--reader: Directus has not one ${column} called "${name}"`)
  return { column, id: rows[0]!.id }
}

/**
 * Registers every view that readers may see as a read-only collection: what is there stays as it is, whatever somebody made
 * of it. With `plan` it only says what it would add. Undefined where Directus' tables are not in this database.
 */
export async function registerViews(client: Client, { plan, reader }: { plan: boolean, reader?: string }): Promise<Registration | undefined> {
  const schema = await schemaOf(client)
  if (!schema) return undefined
  await client.query('BEGIN')
  try {
    // Two at once would add everything twice: Directus has no constraint against that.
    await client.query(`LOCK TABLE ${schema}.directus_collections IN SHARE ROW EXCLUSIVE MODE`)
    const added = async (sql: string, values: unknown[] = []) => (await client.query<{ name: string }>(sql, values)).rows.map(({ name }) => name).sort()
    const collections = await added(`
      INSERT INTO ${schema}.directus_collections (collection, icon, note, hidden, singleton)
      SELECT DISTINCT w.collection, 'visibility', w.note, false, false FROM (${WANTED}) AS w
      WHERE NOT EXISTS (SELECT FROM ${schema}.directus_collections AS c WHERE c.collection = w.collection) RETURNING collection AS name`)
    const fields = await added(`
      INSERT INTO ${schema}.directus_fields (collection, field, special, interface, readonly, hidden, sort, width)
      SELECT w.collection, w.field, w.special, w.interface, true, false, w.sort, 'full' FROM (${WANTED}) AS w
      WHERE NOT EXISTS (SELECT FROM ${schema}.directus_fields AS f WHERE (f.collection, f.field) = (w.collection, w.field)) RETURNING collection || '.' || field AS name`)
    let permissions: string[] = []
    if (reader !== undefined) {
      const { column, id } = await readerOf(client, schema, reader)
      permissions = await added(`
        INSERT INTO ${schema}.directus_permissions (collection, action, permissions, fields, ${column})
        SELECT w.collection, 'read', '{}'::json, '*', $1::uuid FROM (SELECT DISTINCT collection FROM (${WANTED}) AS each) AS w
        WHERE NOT EXISTS (SELECT FROM ${schema}.directus_permissions AS p WHERE p.collection = w.collection AND p.action = 'read' AND p.${column} = $1::uuid) RETURNING collection AS name`, [id])
    }
    await client.query(plan ? 'ROLLBACK' : 'COMMIT')
    return { schema, collections, fields, permissions }
  }
  catch (error) {
    await client.query('ROLLBACK')
    throw error
  }
}
