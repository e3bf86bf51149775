import { join } from 'node:path'
import type pg from 'pg'
import { RefusedCommand } from '../commands/carry.ts'
import { inSnapshot, type Isolation, openPool } from '../db/client.ts'
import { type Connection, type Limits, LIMITS, openConnection } from '../db/connection.ts'
import { sealLedger } from '../db/functions/ledger.ts'
import { enterLogin } from '../db/functions/principals.ts'
import type { Kind } from '../backup/manifest.ts'
import { bootstrap } from '../deploy/index.ts'
import { sweepScratches } from '../deploy/scratch.ts'
import { ensureSecret, openEmbedded } from '../embedded/index.ts'
import { deployHere } from './deploying.ts'
import { note } from './report.ts'

/** The checkout that this command runs from. */
export const ROOT = join(import.meta.dirname, '../..')
/** Where the embedded database and its secrets live. */
export const DATA = process.env.IU_DATA || join(ROOT, '.data')
/** Where backups go that are given no other folder. */
export const BACKUPS = join(DATA, 'backup')
/** With the embedded PostgreSQL comes no pg_dump. */
export const backupKind = (): Kind => process.env.DATABASE_URL ? 'pg_dump' : 'copy'
/** An API token, to act as its account; without one the database's login acts. */
export const TOKEN = process.env.IU_TOKEN || undefined
const DATABASE = 'iu_core'

/** The database that a command works on. */
export interface Target {
  /** it may hold a password: never print it */
  url: string
  close(): Promise<void>
}

export interface OpenOptions {
  onStep?: (message: string) => void
  /** false = the embedded database stays at the unit that it is at */
  deploys?: boolean
  /** the embedded database by this login, not as its superuser */
  as?: Login
}

/** A connection string to the same database as another login, which is given a password of its own. */
export async function loginUrl(client: pg.Client, target: string, role: string): Promise<string> {
  const url = new URL(target)
  url.username = role
  url.password = await ensureSecret(DATA, role)
  await client.query(`ALTER ROLE ${role} PASSWORD ${client.escapeLiteral(url.password)}`)
  return url.href
}

/** Logins of the embedded database for what runs by itself, each a member of what it needs: `iu worker`, `iu replay` and the schedule of the demo's console; `iu export`. */
const LOGINS = { demo_worker: ['iu_worker'], demo_exporter: ['iu_worker', 'iu_reader'] } as const
type Login = keyof typeof LOGINS

/** Makes one of these logins where it is not there yet. @returns a connection string */
export async function ownLogin(client: pg.Client, target: string, login: Login): Promise<string> {
  const { rowCount } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [login])
  if (!rowCount) await client.query(`CREATE ROLE ${login} LOGIN NOSUPERUSER IN ROLE ${LOGINS[login].join(', ')}`).catch(ignoreDuplicate)
  for (const role of LOGINS[login]) await enterLogin(client, login, role)
  return loginUrl(client, target, login)
}

/**
 * DATABASE_URL, or the embedded database: started when it does not run, and brought to this checkout's
 * newest unit, so that a command works from a fresh clone. Where there are data in it, it is backed up before.
 */
export async function openTarget({ onStep = note, deploys = true, as }: OpenOptions = {}): Promise<Target> {
  const given = process.env.DATABASE_URL
  if (given) return { url: given, close: async () => {} }
  const server = await openEmbedded({ directory: DATA, onStep })
  try {
    const url = new URL(server.adminUrl)
    await within(url.href, async (admin) => {
      const { rowCount } = await admin.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE])
      if (!rowCount) await admin.query(`CREATE DATABASE ${DATABASE}`).catch(ignoreDuplicate)
    })
    url.pathname = DATABASE
    await within(url.href, async (client) => {
      await sweepScratches(client, onStep)
      await bootstrap(client)
      if (!deploys) return
      const { deployed } = await deployHere(client, { backupTo: BACKUPS, kind: 'copy', onStep: quietly(onStep) })
      if (deployed.length) onStep(`deployed ${deployed.length} schema units`)
    })
    return { url: as ? await within(url.href, client => ownLogin(client, url.href, as)) : url.href, close: () => server.release() }
  }
  catch (error) {
    await server.release()
    throw error
  }
}

/** The units of a first deployment are too many to be told one by one. */
const quietly = (onStep: (line: string) => void) => (line: string) => {
  if (!line.startsWith('deploying ')) onStep(line)
}

/** Another process on the same fresh folder was quicker. */
function ignoreDuplicate(error: { code?: string }): void {
  if (!['42P04', '42710', '23505'].includes(error.code ?? '')) throw error
}

/** A connected client; `name` is what the server's list of sessions shows. */
export const connect = (url: string, name = 'iu', limits: Limits = LIMITS.work): Promise<Connection> => openConnection(url, name, limits)

/** Runs `work` on one connection. */
export async function within<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await connect(url)
  try {
    return await work(client)
  }
  finally {
    await client.end()
  }
}

/** Opens the target, runs `work` on one connection of it, and lets go of both whatever happens. */
export async function withDatabase<T>(work: (client: pg.Client, target: Target) => Promise<T>, options?: OpenOptions): Promise<T> {
  const target = await openTarget(options)
  try {
    return await within(target.url, async (client) => {
      if (process.env.DATABASE_URL) await sweepScratches(client, options?.onStep ?? note)
      return work(client, target)
    })
  }
  finally {
    await target.close()
  }
}

/** The same for work that runs commands: what they wrote, refusals too, is sealed before the process ends, since no console may be there to do it. */
export const withCommands = <T>(work: (client: pg.Client, target: Target) => Promise<T>): Promise<T> => withDatabase(async (client, target) => {
  const done = await work(client, target).catch(async (error: Error) => {
    if (error instanceof RefusedCommand) await sealLedger(client)
    throw error
  })
  await sealLedger(client)
  return done
})

/** Reads as the console does, in one snapshot. */
export async function reading<T extends object>(read: Parameters<typeof inSnapshot<T>>[1], { isolation, ...options }: OpenOptions & { isolation?: Isolation } = {}): Promise<T & { asOf: string }> {
  const target = await openTarget(options)
  const pool = openPool(target.url, 1)
  try {
    return await inSnapshot(pool, read, isolation)
  }
  finally {
    await pool.end()
    await target.close()
  }
}
