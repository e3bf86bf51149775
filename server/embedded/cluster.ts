import { randomBytes } from 'node:crypto'
import { chmod, chown, lstat, mkdir, open, readdir, readFile, readlink, realpath, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { basename, join } from 'node:path'
import { LOOPBACK } from '../../shared/loopback.ts'
import type { Account } from './account.ts'
import { canEnter, run } from './account.ts'
import type { Binaries } from './binaries.ts'
import { codeOf, EmbeddedError } from './errors.ts'
import { isAlive } from './lock.ts'

/** Where root keeps data and programs that the server's account could not reach in the checkout. */
export const SHARED = '/var/lib/iu-core'

/** The superuser of every cluster made here. */
export const SUPERUSER = 'iu_deployer'

const HALF_MADE = 'postgres.new-'
const START_SECONDS = 120
const STOP_SECONDS = 60

/** Server settings by name; they go on the command line and so win over every file. */
export type Settings = Record<string, string | number>

const SETTINGS: Settings = {
  listen_addresses: LOOPBACK,
  unix_socket_directories: '',
  max_connections: 100,
  shared_buffers: '128MB',
  timezone: 'UTC',
  log_timezone: 'UTC',
}

/** The cluster of a `directory`: its data folder (the real path), the programs and the account that serve it. */
export interface Cluster {
  directory: string
  data: string
  binaries: Binaries
  account: Account
}

/**
 * The real path of the cluster `<directory>/postgres`, or undefined when there is none yet.
 * Throws EmbeddedError when its link leads nowhere.
 */
export async function findCluster(directory: string): Promise<string | undefined> {
  const path = join(directory, 'postgres')
  if (!(await lstat(path).catch(() => undefined))) return undefined
  try {
    return await realpath(path)
  }
  catch {
    throw new EmbeddedError(`${path} is a link to ${await readlink(path)}, which is gone: restore that folder, or remove the link to begin anew`)
  }
}

/**
 * Makes the cluster `<directory>/postgres` and returns its real path. The caller holds the lock.
 * What a killed process left half-made is removed first; `postgres` appears only when it is complete.
 */
export async function makeCluster(directory: string, binaries: Binaries, account: Account, password: string): Promise<string> {
  await removeHalfMade(directory)
  const half = join(directory, `${HALF_MADE}${randomBytes(4).toString('hex')}`)
  if (!(await canEnter(account, directory))) {
    await makeShared()
    // The link comes first: a folder without one would never be found again.
    await symlink(join(SHARED, randomBytes(8).toString('hex')), half)
  }
  const folder = await readlink(half).catch(() => half)
  const passwordFile = `${folder}.password`
  await mkdir(folder, { mode: 0o700 })
  await writeFile(passwordFile, password, { mode: 0o600, flag: 'wx' })
  if (account) for (const path of [folder, passwordFile]) await chown(path, account.uid, account.gid)
  try {
    await run(account, join(binaries.bin, 'initdb'), [
      '--pgdata', folder, '--username', SUPERUSER, '--pwfile', passwordFile,
      '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--no-instructions',
    ])
  }
  catch (error) {
    await removeHalfMade(directory)
    throw new EmbeddedError(`initdb failed: ${saidBy(error)}`)
  }
  finally {
    await rm(passwordFile, { force: true })
  }
  await rename(half, join(directory, 'postgres'))
  return realpath(folder === half ? join(directory, 'postgres') : folder)
}

/** Makes the shared folder, open to every account. */
export async function makeShared(): Promise<void> {
  await mkdir(SHARED, { recursive: true })
  await chmod(SHARED, 0o755)
}

/** Throws EmbeddedError unless these programs and this account can serve the data folder. */
export async function checkCluster({ data, binaries, account }: Cluster): Promise<void> {
  const made = (await readFile(join(data, 'PG_VERSION'), 'utf8').catch(() => '')).trim()
  const [major] = binaries.version.split('.')
  if (made !== major) {
    throw new EmbeddedError(`${data} holds data of PostgreSQL ${made || '(unknown)'} and the embedded one is ${major}: use the release that made it, or move the folder away`)
  }
  if (!(await canEnter(account, data))) {
    throw new EmbeddedError(`PostgreSQL runs as user ${account?.uid} and cannot enter ${data}: give it passage (chmod o+x) through every folder on the way`)
  }
}

/** The running server of a data folder: its pid and port; undefined when none runs. */
export async function findServer(data: string): Promise<{ pid: number, port: number } | undefined> {
  const path = join(data, 'postmaster.pid')
  let lines: string[]
  try {
    lines = (await readFile(path, 'utf8')).split('\n')
  }
  catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
  const [pid, port] = [Number(lines[0]), Number(lines[3])]
  const home = await readlink(`/proc/${pid}/cwd`).catch(() => undefined)
  // A server works inside its data folder: a process elsewhere only inherited the pid.
  if (await isAlive(pid) && (home === undefined || home === data)) return { pid, port }
  // PostgreSQL sees through the pid of a dead process, but not through a zombie or another's process.
  if (pid > 0 && signalReaches(pid)) await rm(path, { force: true })
  return undefined
}

/**
 * Starts the server on loopback, on its last port if that is still free.
 * Returns undefined when it runs, else a sentence on an obstacle that may pass: call again.
 * Throws EmbeddedError with the end of the server's log for every other failure.
 */
export async function startServer(cluster: Cluster, settings: Settings, onStep: (message: string) => void): Promise<string | undefined> {
  const { data, binaries, account } = cluster
  const log = join(data, 'server.log')
  const read = (await stat(log).catch(() => undefined))?.size ?? 0
  const port = await freePort(await lastPort(data))
  onStep(`starting PostgreSQL ${binaries.version} on ${LOOPBACK}:${port}`)
  const flags = Object.entries({ ...SETTINGS, ...settings }).map(([name, value]) => `-c ${name}='${value}'`)
  try {
    await run(account, join(binaries.bin, 'pg_ctl'), [
      // From within the folder: pg_ctl hands paths to a shell, which would stumble over a quote in them.
      'start', '--silent', '--wait', `--timeout=${START_SECONDS}`, '--pgdata', '.', '--log', basename(log),
      '--options', [`-p ${port}`, ...flags].join(' '),
    ], data)
    return undefined
  }
  catch (error) {
    const said = await readFrom(log, read)
    if (/is still in use/.test(said)) {
      const left = await processesIn(data)
      return `processes of a killed PostgreSQL${left.length ? ` (${left.join(', ')})` : ''} still use ${data}`
    }
    if (/could not bind|Address already in use/.test(said)) return `port ${port} was taken meanwhile`
    if (await findServer(data)) return `PostgreSQL in ${data} is not ready`
    throw new EmbeddedError(`PostgreSQL did not start (see ${log}): ${said.trim().split('\n').slice(-5).join('\n') || saidBy(error)}`)
  }
}

/** Stops the server, ending its connections. Throws EmbeddedError when it does not stop within a minute. */
export async function stopServer({ data, binaries, account }: Cluster): Promise<void> {
  try {
    await run(account, join(binaries.bin, 'pg_ctl'), ['stop', '--silent', '--wait', `--timeout=${STOP_SECONDS}`, '--mode=fast', '--pgdata', data])
  }
  catch (error) {
    if (await findServer(data)) throw new EmbeddedError(`PostgreSQL in ${data} did not stop: ${saidBy(error)}`)
  }
}

async function removeHalfMade(directory: string): Promise<void> {
  for (const entry of await readdir(directory)) {
    if (!entry.startsWith(HALF_MADE)) continue
    const path = join(directory, entry)
    const target = await readlink(path).catch(() => undefined)
    // An initdb that outlived its parent may still be writing: rm tries again.
    const options = { recursive: true, force: true, maxRetries: 10 }
    if (target?.startsWith(`${SHARED}/`)) {
      await rm(target, options)
      await rm(`${target}.password`, options)
    }
    await rm(path, options)
  }
}

/** The port of the last start, which PostgreSQL notes in its data folder with the rest of its command line. */
async function lastPort(data: string): Promise<number | undefined> {
  const options = await readFile(join(data, 'postmaster.opts'), 'utf8').catch(() => '')
  const port = /"-p" "(\d+)"/.exec(options)?.[1]
  return port === undefined ? undefined : Number(port)
}

async function freePort(wish = 0): Promise<number> {
  const port = await new Promise<number | undefined>((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen({ host: LOOPBACK, port: wish, exclusive: true }, () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
  return port ?? freePort()
}

async function readFrom(path: string, position: number): Promise<string> {
  const file = await open(path).catch(() => undefined)
  if (!file) return ''
  try {
    const { size } = await file.stat()
    const { buffer } = await file.read({ buffer: Buffer.alloc(Math.max(0, size - position)), position })
    return buffer.toString('utf8')
  }
  finally {
    await file.close()
  }
}

/** The pids of all processes that work in a folder; none where /proc does not tell. */
async function processesIn(folder: string): Promise<string[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter(name => /^\d+$/.test(name))
  const homes = await Promise.all(pids.map(pid => readlink(`/proc/${pid}/cwd`).catch(() => undefined)))
  return pids.filter((_, index) => homes[index] === folder)
}

function signalReaches(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  }
  catch {
    return false
  }
}

function saidBy(error: unknown): string {
  return ((error as { stderr?: string }).stderr || (error as Error).message).trim()
}
