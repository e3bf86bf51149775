import { stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { acceptedNote, readAccepted, readDrift } from './drift.ts'
import { appliedUnits, type Entry, readBook } from './book.ts'
import { pendingUnits, verifyUnits } from './runner.ts'
import { DEPLOY_LOCK, inTransaction, whoDeploys, type Connection } from './transaction.ts'
import { UnitError, type Unit } from './units.ts'

/** Something that must hold before units are applied over data. */
export interface Gate { name: string, ok: boolean, detail: string, remedy?: string }

export type Finding = Omit<Gate, 'name'>

/** Data that a deploy could harm: whatever there is besides what the units themselves write. */
const HOLDS_DATA = [
  ['information_unit', 'units'], ['event_outbox', 'events'], ['dot_iu_command_run', 'commands'],
] as const

export interface Outlook {
  pending: Unit[]
  /** why nothing can be applied, whatever it is */
  disagreement?: UnitError
  /** what there is, in words; empty where there is nothing to lose */
  data: string[]
}

/** The applied units, or why they are not this checkout's. */
function agree(book: Entry[], units: Unit[]): Unit[] | UnitError {
  try {
    return appliedUnits(book, units)
  }
  catch (error) {
    if (error instanceof UnitError) return error
    throw error
  }
}

/** What a deploy up to `to` would apply, and over what. @throws {UnitError} for a `to` that cannot be */
export function outlook(client: Connection, units: Unit[], to?: string): Promise<Outlook> {
  return inTransaction(client, async () => {
    const done = agree(await readBook(client), units)
    const data: string[] = []
    for (const [table, words] of HOLDS_DATA) {
      const { rows: [there] } = await client.query<{ yes: boolean }>('SELECT to_regclass($1) IS NOT NULL AS yes', [`iu_core.${table}`])
      if (there!.yes && (await client.query(`SELECT FROM iu_core.${table} LIMIT 1`)).rowCount) data.push(words)
    }
    return done instanceof UnitError ? { pending: [], disagreement: done, data } : { pending: pendingUnits(units, done, to), data }
  }, 'ROLLBACK')
}

function checkBook(book: Entry[]): Finding {
  const hole = book.findIndex(({ number }, index) => number !== index + 1)
  return hole < 0
    ? { ok: true, detail: `${book.length} applied, none missing` }
    : { ok: false, detail: `number ${hole + 1} is missing`, remedy: 'put its row back into iu_deploy.applied_unit, or restore a backup' }
}

function checkOrder(book: Entry[], units: Unit[], to?: string): Finding {
  const done = agree(book, units)
  return done instanceof UnitError
    ? { ok: false, detail: done.message, remedy: 'deploy with a checkout that has every applied unit as it was, and newer ones behind them' }
    : { ok: true, detail: `${pendingUnits(units, done, to).map(({ tag }) => tag).join(', ')} after ${book.at(-1)?.tag ?? 'nothing'}` }
}

async function checkDrift(client: Connection, units: Unit[]): Promise<Finding> {
  const remedy = 'put right what iu db verify and iu conformance name'
  try {
    await verifyUnits(client, units)
  }
  catch (error) {
    return { ok: false, detail: (error as Error).message, remedy }
  }
  const drift = await readDrift(client)
  if (!drift) return { ok: true, detail: 'every unit holds in its verify' }
  return drift.length ? { ok: false, detail: drift.join('; '), remedy } : { ok: true, detail: `every unit holds in its verify; drift 0${acceptedNote(await readAccepted(client))}` }
}

interface Evidence { file_name: string, folder: string, host: string, unit_tag: string, file_bytes: number, restorable: boolean, is_fresh: boolean, written_since: boolean, minutes: number }

/** Whether the file is still there, where this host can tell. */
async function whyGone({ file_name: name, folder, host, file_bytes: bytes }: Evidence): Promise<string | undefined> {
  if (host !== hostname()) return undefined
  const size = await stat(join(folder, name)).then(file => file.size, () => undefined)
  if (size === undefined) return `${join(folder, name)} is not there any more`
  return size === bytes ? undefined : `${join(folder, name)} has ${size} bytes, and had ${bytes}`
}

/** Whether a backup of the schema as of `tag` is on record, whole, fresh, and where it was put. */
export async function checkBackup(client: Connection, tag: string): Promise<Finding> {
  const remedy = 'iu db backup --to FOLDER, or iu db deploy --backup-to FOLDER'
  const { rows: [row] } = await client.query<{ there: boolean }>(`SELECT to_regclass('iu_core.v_iu_backup_evidence') IS NOT NULL AS there`)
  if (!row!.there) return { ok: false, detail: 'this schema does not record backups yet', remedy: 'iu db deploy --backup-to FOLDER' }
  const { rows: [newest] } = await client.query<Evidence>(`
    SELECT file_name, folder, host, unit_tag, file_bytes::float8 AS file_bytes, restorable, is_fresh, written_since, extract(epoch FROM clock_timestamp() - taken_at)::float8 / 60 AS minutes
    FROM iu_core.v_iu_backup_evidence WHERE unit_tag = $1 ORDER BY is_fresh AND restorable DESC, backup_id DESC LIMIT 1`, [tag])
  if (!newest) return { ok: false, detail: `none of ${tag} is on record`, remedy }
  const which = `${newest.file_name}, taken ${Math.round(newest.minutes)} minutes ago`
  if (!newest.restorable) return { ok: false, detail: `${which}, could not be restored whole`, remedy }
  if (!newest.is_fresh) return { ok: false, detail: `${which}: something was written since, and it is older than an hour`, remedy }
  const gone = await whyGone(newest)
  if (gone) return { ok: false, detail: gone, remedy }
  return { ok: true, detail: `${which}, was restored whole${newest.written_since ? '' : '; nothing was written since'}` }
}

/** A backup that was taken just now and found whole, where the schema cannot record it yet. */
export interface BackupInHand { file: string, isRestorable: boolean }

/** The gates before a deploy over data, one by one. The caller holds the deploy lock where `isAlone`. */
export async function examineGates(client: Connection, units: Unit[], { to, isAlone, inHand }: { to?: string, isAlone: boolean, inHand?: BackupInHand }): Promise<Gate[]> {
  const gates: Gate[] = [{
    name: 'no deploy under way', ok: isAlone, ...isAlone ? { detail: 'this one alone' } : { detail: 'somebody else is deploying this database', remedy: await whoDeploys(client) },
  }]
  if (!isAlone) return gates
  const book = await inTransaction(client, () => readBook(client))
  gates.push({ name: 'book of units whole', ...checkBook(book) }, { name: 'units in order', ...checkOrder(book, units, to) })
  if (gates.some(({ ok }) => !ok)) return gates
  gates.push({ name: 'as deployed', ...await checkDrift(client, units) })
  const backup = inHand?.isRestorable ? { ok: true, detail: `${inHand.file}, taken just now, was restored whole` } : await checkBackup(client, book.at(-1)!.tag)
  return [...gates, { name: 'backup fresh and restorable', ...backup }]
}

/** Runs `work` under the deploy lock if nobody has it; tells it which. */
export async function tryAlone<T>(client: Connection, work: (isAlone: boolean) => Promise<T>): Promise<T> {
  const { rows: [lock] } = await client.query<{ got: boolean }>(`SELECT pg_try_advisory_lock(${DEPLOY_LOCK}) AS got`)
  try {
    return await work(lock!.got)
  }
  finally {
    if (lock!.got) await client.query(`SELECT pg_advisory_unlock(${DEPLOY_LOCK})`)
  }
}
