import type { Connection } from './transaction.ts'
import type { Unit } from './units.ts'

/** A unit before the inventory's own finds none. */
async function hasInventory(client: Connection): Promise<boolean> {
  const { rows: [row] } = await client.query<{ there: boolean }>(`SELECT to_regclass('iu_core.dot_inventory') IS NOT NULL AS there`)
  return row!.there
}

/** The live objects before a unit is run; null where there is no inventory yet. */
export async function fingerprints(client: Connection): Promise<string | null> {
  if (!await hasInventory(client)) return null
  const { rows: [row] } = await client.query<{ objects: string }>('SELECT iu_core.fn_dot_fingerprints()::text AS objects')
  return row!.objects
}

/** Registers what the unit has made, changed and dropped since `before`; with the unit that makes the inventory, everything. */
export async function register(client: Connection, unit: Unit, before: string | null): Promise<void> {
  if (await hasInventory(client)) await client.query('SELECT iu_core.fn_dot_inventory_register($1, $2)', [unit.tag, before])
}

const IS_DARK = `SELECT format('%s of %s entries are not of this PostgreSQL, or say nothing', count(*) FILTER (WHERE is_dark), count(*)) AS why
  FROM (SELECT server_major <> current_setting('server_version_num')::integer / 10000 OR definition IS NULL OR digest <> sha256(convert_to(definition, 'UTF8')) AS is_dark FROM iu_core.dot_inventory) AS i
  HAVING count(*) = 0 OR bool_or(is_dark)`

/** Why the inventory does not say any more what should be there; undefined where it does. */
export async function whyDark(client: Connection): Promise<string | undefined> {
  if (!await hasInventory(client)) return undefined
  return (await client.query<{ why: string }>(IS_DARK)).rows[0]?.why
}

/** Enters the login of this connection as one that deploys, with the owner of the database: where nobody has yet, or `anew`. */
export async function enterDeployer(client: Connection, anew = false): Promise<void> {
  const { rows: [row] } = await client.query<{ there: boolean }>(`SELECT to_regprocedure('iu_core.fn_dot_deployer_enter(boolean)') IS NOT NULL AS there`)
  if (row!.there) await client.query('SELECT iu_core.fn_dot_deployer_enter($1)', [anew])
}

/** The inventory as one JSON document, from a database in which the units were just deployed: what guards it there is none of theirs. */
export async function readInventory(client: Connection): Promise<string> {
  const { rows: [row] } = await client.query<{ entries: string }>(`SELECT json_agg(i)::text AS entries FROM iu_core.dot_inventory AS i WHERE class <> 'principal'`)
  return row!.entries
}

/** Takes the entries of `readInventory` over: what the units build beside this database, on this server, is what they made here. */
export async function renew(client: Connection, entries: string): Promise<void> {
  await client.query('SELECT iu_core.fn_dot_inventory_renew($1)', [entries])
}
