import type { Client } from 'pg'
import { bootstrap, deployUnits, enterDeployerAnew } from '../deploy/index.ts'
import { interruptible, onConnectionBeside } from '../deploy/interrupt.ts'
import type { Unit } from '../deploy/units.ts'
import { type Check, examine } from './examine.ts'
import { type Backup, BackupRefused, type Manifest, readBackup } from './manifest.ts'
import { requireTool, restore } from './pg-tools.ts'
import { loadTables } from './tables.ts'

/** The units of a backup's schema, all of which this checkout must have as they were. @throws {BackupRefused} */
export function unitsOf({ tag, units: wanted }: Manifest, units: Unit[]): Unit[] {
  for (const [index, { tag: wants, hash }] of wanted.entries()) {
    const unit = units[index]
    if (!unit) throw new BackupRefused(`the backup is of a newer schema (${tag}) than this checkout has (${units.at(-1)?.tag ?? 'none'}): restore it with a checkout that has unit ${wants}`)
    if (unit.tag !== wants) throw new BackupRefused(`the backup has unit ${wants} where this checkout has ${unit.tag}: it is of another line of units`)
    if (unit.hash !== hash) throw new BackupRefused(`unit ${wants} is not in this checkout as it was applied: restore the backup with the checkout that it was made with`)
  }
  return units.slice(0, wanted.length)
}

/** As in "18.4". */
export const serverVersion = async (client: Client): Promise<string> =>
  (await client.query<{ v: string }>(`SELECT split_part(current_setting('server_version'), ' ', 1) AS v`)).rows[0]!.v

/** Brings a backup's schema and rows into an empty database. */
export async function restoreInto(client: Client, backup: Backup, units: Unit[], signal?: AbortSignal): Promise<void> {
  const own = unitsOf(backup.of, units)
  if (backup.of.kind === 'copy') {
    await deployUnits(client, own)
    await loadTables(client, backup)
  }
  else {
    const server = await serverVersion(client)
    if (Number.parseInt(server) < Number.parseInt(backup.of.server)) throw new BackupRefused(`the backup is of PostgreSQL ${backup.of.server}, this server is ${server}: restore it on one that is not older`)
    await requireTool('pg_restore', backup.of.server)
    await restore(client, backup, signal)
  }
  // Where this server spells definitions otherwise, the inventory is made anew.
  await deployUnits(client, own)
  await enterDeployerAnew(client)
}

/** What there is in a database, but for what PostgreSQL and its extensions make. */
async function inhabitants(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ what: string }>(`
    WITH ours AS (SELECT oid, nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema')
    SELECT what FROM (
      SELECT 'schema ' || nspname AS what, 'pg_namespace'::regclass AS classid, oid AS objid FROM ours WHERE nspname <> 'public'
      UNION ALL SELECT 'relation ' || c.oid::regclass, 'pg_class'::regclass, c.oid FROM pg_class AS c JOIN ours ON ours.oid = c.relnamespace
      UNION ALL SELECT 'function ' || p.oid::regprocedure, 'pg_proc'::regclass, p.oid FROM pg_proc AS p JOIN ours ON ours.oid = p.pronamespace
    ) AS o WHERE NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = o.classid AND d.objid = o.objid AND d.deptype = 'e')
    ORDER BY what NOT LIKE 'schema %', what LIMIT 4`)
  return rows.map(({ what }) => what)
}

export interface Restored { backup: Backup, checks: Check[], /** units of this checkout that the backup's schema lacks */ lacking: string[] }

/** Restores a backup into the connected database, which must be empty, and examines it there. @throws {BackupRefused}, {Interrupted}; the database is then as empty as it was. */
export function restoreBackup(client: Client, path: string, units: Unit[]): Promise<Restored> {
  return interruptible(async (signal) => {
    const backup = await readBackup(path)
    const own = unitsOf(backup.of, units)
    const found = await inhabitants(client)
    if (found.length) throw new BackupRefused(`this database is not empty: there is ${found.slice(0, 3).join(', ')}${found.length > 3 ? ', and more' : ''}; make an empty one, and restore into that`)
    await bootstrap(client)
    const { rows: [session] } = await client.query<{ database: string, role: string }>('SELECT current_database() AS database, quote_ident(current_user) AS role')
    try {
      const checks = await onConnectionBeside(client, session!.database, 'iu restore', signal, async (beside) => {
        await beside.query(`SET ROLE ${session!.role}`)
        await restoreInto(beside, backup, own, signal)
        return examine(beside, backup.of, units)
      })
      return { backup, checks, lacking: units.slice(own.length).map(({ tag }) => tag) }
    }
    catch (error) {
      // What was cut off, or pg_restore's own session, may be about to commit: it is gone before anything is dropped.
      if (signal.aborted) {
        await client.query(`SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
          WHERE datname = current_database() AND usename = session_user AND pid <> pg_backend_pid() AND application_name IN ('iu restore', 'iu backup')`)
      }
      await client.query('DROP SCHEMA IF EXISTS iu_core, iu_deploy CASCADE')
      throw error
    }
  })
}
