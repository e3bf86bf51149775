import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import { bootstrap } from './bootstrap.ts'
import { readCatalogue, type CatalogueObject } from './catalogue.ts'
import { interruptible, onConnectionBeside } from './interrupt.ts'

type Client = pg.Client | pg.PoolClient

/** A session as no later one is named: a scratch database bears the name of the session that made it. */
const SESSION = `pid || '_' || floor(extract(epoch FROM backend_start) * 1000000)::bigint`

/** Scratch databases of which the session that made them is gone; of those of an older version, which do not name it, those that nobody is connected to. */
const LEFT_OVER = `SELECT d.datname AS name FROM pg_database AS d
WHERE d.datname ~ '^iu_scratch_(\\d+_\\d+_)?[0-9a-f]{12}$' AND pg_has_role(d.datdba, 'USAGE')
  AND NOT EXISTS (SELECT FROM pg_stat_activity AS a WHERE CASE WHEN d.datname ~ '_.*_.*_' THEN a.pid = split_part(d.datname, '_', 3)::integer
    AND (a.backend_start IS NULL OR d.datname LIKE 'iu\\_scratch\\_' || replace(${SESSION}, '_', '\\_') || '\\_%') ELSE a.datid = d.oid END)
ORDER BY 1`

/** Drops what commands that were killed have left: each is a whole database. It tells of each. */
export async function sweepScratches(client: Client, onStep: (message: string) => void): Promise<void> {
  const { rows } = await client.query<{ name: string }>(LEFT_OVER)
  for (const { name } of rows) {
    await client.query(`DROP DATABASE IF EXISTS ${client.escapeIdentifier(name)} WITH (FORCE)`).then(
      () => onStep(`dropped ${name}: a command that was killed had left it`),
      (error: Error) => onStep(`${name} was left by a command that was killed, and could not be dropped (${error.message}): DROP DATABASE ${name}`))
  }
}

/**
 * Runs `work` on a scratch database beside the connected one, with the roles made and nothing else. It must be
 * PostgreSQL where this login may create databases. The scratch database is dropped whatever happens, also when a signal
 * asks the process to end: that aborts the work.
 */
export function inScratch<T>(client: Client, work: (scratch: pg.Client, signal: AbortSignal) => Promise<T>): Promise<T> {
  return interruptible(async (signal) => {
    const { rows: [session] } = await client.query<{ name: string }>(`SELECT ${SESSION} AS name FROM pg_stat_activity WHERE pid = pg_backend_pid()`)
    const name = `iu_scratch_${session!.name}_${randomBytes(6).toString('hex')}`
    await client.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`)
    try {
      return await onConnectionBeside(client, name, 'iu scratch', signal, async (scratch) => {
        await bootstrap(scratch)
        return work(scratch, signal)
      })
    }
    finally {
      await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    }
  })
}

/** What the given statements build, read from a scratch database. */
export async function catalogueOf(client: Client, scripts: string[]): Promise<CatalogueObject[]> {
  if (scripts.length === 0) return []
  return inScratch(client, async (scratch) => {
    await scratch.query('SET ROLE iu_owner')
    for (const script of scripts) await scratch.query(script)
    return readCatalogue(scratch)
  })
}
