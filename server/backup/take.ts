import { open, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Client } from 'pg'
import { faultOf } from '../db/faults.ts'
import { appliedUnits, readBook } from '../deploy/book.ts'
import { inScratch } from '../deploy/scratch.ts'
import { inTransaction } from '../deploy/transaction.ts'
import type { Unit } from '../deploy/units.ts'
import { recordBackup } from './evidence.ts'
import { type Check, countRows, examine } from './examine.ts'
import { type Backup, BackupRefused, type Kind, type Manifest, readBackup } from './manifest.ts'
import { countEntries, dump, requireTool } from './pg-tools.ts'
import { restoreInto, serverVersion } from './restore.ts'
import { countUnwritable, dumpTables } from './tables.ts'
import { beginTar, type TarWriter } from './tar.ts'

export interface TakeOptions {
  /** one that is there */
  folder: string
  kind: Kind
  units: Unit[]
  /** told what takes time */
  onStep?: (step: string) => void
}

/** A backup, and what came of restoring it. */
export interface Tried {
  backup: Backup
  checks: Check[]
  isRestorable: boolean
  /** its number on record; none where the schema has no place for it yet */
  evidence?: number
}

const IDENTITY = `SELECT split_part(current_setting('server_version'), ' ', 1) AS server, to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "takenAt", pg_export_snapshot() AS snapshot`

/** The newest row of a table that this schema may not have yet. */
async function newest(client: Client, table: string): Promise<number> {
  const { rows: [there] } = await client.query<{ yes: boolean }>('SELECT to_regclass($1) IS NOT NULL AS yes', [table])
  return there!.yes ? (await client.query<{ n: number }>(`SELECT coalesce(max(id), 0)::float8 AS n FROM ${table}`)).rows[0]!.n : 0
}

/** Writes the data and says what they are, all from one snapshot. */
async function write(client: Client, part: string, writer: TarWriter, kind: Kind, units: Unit[]): Promise<Manifest> {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
  try {
    await client.query('SET LOCAL ROLE iu_owner')
    // It keeps the snapshot while pg_dump reads it, as long as that takes.
    await client.query('SET LOCAL idle_in_transaction_session_timeout = 0')
    const { rows: [{ server, takenAt, snapshot } = { server: '', takenAt: '', snapshot: '' }] } = await client.query<{ server: string, takenAt: string, snapshot: string }>(IDENTITY)
    const rows = await countRows(client)
    const [lastEvent, lastRun] = [await newest(client, 'iu_core.event_outbox'), await newest(client, 'iu_core.dot_iu_command_run')]
    let entries: number
    if (kind === 'copy') {
      entries = await dumpTables(client, writer)
    }
    else {
      await dump(client, snapshot, writer)
      entries = await countEntries({ path: part, ...writer.data() })
    }
    return { format: 'iu-backup', version: 1, kind, tag: units.at(-1)!.tag, units: units.map(({ tag, hash }) => ({ tag, hash })), server, takenAt, entries, rows, lastEvent, lastRun }
  }
  finally {
    await client.query('ROLLBACK')
  }
}

async function writeFile(client: Client, folder: string, kind: Kind, units: Unit[]): Promise<string> {
  const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
  const path = join(folder, `iu-${units.at(-1)!.tag}-${stamp}.tar`)
  const part = `${path}.part`
  // It holds the hashes of passwords and tokens: nobody else may read it, not even while it is written.
  const handle = await open(part, 'wx+', 0o600)
  try {
    const writer = await beginTar(handle, kind === 'copy' ? 'tables.copy.gz' : 'iu_core.dump')
    const manifest = await write(client, part, writer, kind, units)
    await writer.finish(Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`))
    await rename(part, path)
  }
  catch (error) {
    await rm(part, { force: true })
    throw error
  }
  finally {
    await handle.close()
  }
  const directory = await open(folder, 'r')
  await directory.sync().finally(() => directory.close())
  return path
}

/** Restores a backup into a scratch database beside the connected one, examines it there, and puts what came of it on record. @throws {BackupRefused} for a file that is no whole backup */
export async function tryBackup(client: Client, path: string, units: Unit[]): Promise<Tried> {
  const backup = await readBackup(resolve(path))
  const checks = await inScratch(client, async (scratch): Promise<Check[]> => {
    try {
      await restoreInto(scratch, backup, units)
    }
    catch (error) {
      return [{ name: 'restored', ok: false, detail: (error as Error).message }]
    }
    return examine(scratch, backup.of, units)
  }).catch((error: Error) => {
    if (faultOf(error) !== 'denied') throw error
    throw new BackupRefused(`${path} is written, but not tried: this login may not make the scratch database (${error.message}); ALTER ROLE … CREATEDB, then iu db backup --check ${path}`)
  })
  const recorded = await recordBackup(client, backup, checks)
  return { backup, checks, isRestorable: recorded?.isRestorable ?? checks.every(({ ok }) => ok), evidence: recorded?.id }
}

/** Backs the connected database up into a new file, which has yet to be tried. @returns its path. @throws {BackupRefused} */
export async function writeBackup(client: Client, { folder, kind, units }: Omit<TakeOptions, 'onStep'>): Promise<string> {
  const own = appliedUnits(await inTransaction(client, () => readBook(client), 'ROLLBACK'), units)
  if (!own.length) throw new BackupRefused('there is nothing to back up: no unit is applied')
  if (kind === 'pg_dump') {
    const server = await serverVersion(client)
    await requireTool('pg_dump', server)
    await requireTool('pg_restore', server)
  }
  try {
    return await writeFile(client, resolve(folder), kind, own)
  }
  catch (error) {
    // pg_dump writes every row as it is, and fails of one that cannot be; a copy has all but that row's payload.
    if (kind === 'copy' || await newest(client, 'iu_core.event_outbox') === 0 || await countUnwritable(client) === 0) throw error
    return writeFile(client, resolve(folder), 'copy', own)
  }
}

/** Backs the connected database up into a new file, and tries it. @throws {BackupRefused} */
export async function takeBackup(client: Client, { onStep = () => {}, ...options }: TakeOptions): Promise<Tried> {
  onStep('backing up')
  const path = await writeBackup(client, options)
  onStep(`restoring ${path} into a scratch database`)
  return tryBackup(client, path, options.units)
}
