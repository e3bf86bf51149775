/** pg_dump and pg_restore, which come with PostgreSQL's client. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { devNull, tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { ConnectionOptions } from 'node:tls'
import type { Client, ClientConfig } from 'pg'
import { LIMITS } from '../db/connection.ts'
import { type Backup, BackupRefused } from './manifest.ts'
import type { TarWriter } from './tar.ts'

type Tool = 'pg_dump' | 'pg_restore'

/** Of our environment the tools get what a program needs to run, and nothing that tells libpq where to go or how: no PG*, no service, no password file. */
const NEEDED = ['PATH', 'HOME', 'TMPDIR', 'TEMP', 'TMP', 'SystemRoot', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH', 'LANG', 'LC_ALL', 'TZ']
const bare = (): NodeJS.ProcessEnv => Object.fromEntries(NEEDED.flatMap(name => process.env[name] === undefined ? [] : [[name, process.env[name]]]))

/** libpq's word for what pg demands of the server's certificate: never less. */
function sslMode(ssl: ClientConfig['ssl']): string {
  if (!ssl) return 'disable'
  if (ssl === true) return 'verify-full'
  if (ssl.rejectUnauthorized === false) return 'require'
  return ssl.checkServerIdentity ? 'verify-ca' : 'verify-full'
}

const texts = (value: ConnectionOptions['ca']): string => [value ?? []].flat().join('\n')

/**
 * Runs `work` with a connection's own environment for libpq, and nothing of anybody else's: no secret stands on a command
 * line, and certificates that pg holds as texts are put into files for as long.
 */
async function withEnvironment<T>(client: Client, work: (env: NodeJS.ProcessEnv) => Promise<T>): Promise<T> {
  const { host, port, user, password, ssl } = client as unknown as ClientConfig
  const folder = await mkdtemp(join(tmpdir(), 'iu-tls-'))
  const file = async (name: string, text: string) => {
    await writeFile(join(folder, name), text, { mode: 0o600, flag: 'wx' })
    return join(folder, name)
  }
  try {
    const { ca, cert, key }: ConnectionOptions = typeof ssl === 'object' ? ssl : {}
    return await work({
      ...bare(),
      PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSFILE: devNull,
      ...typeof password === 'string' && password ? { PGPASSWORD: password } : {},
      PGSSLMODE: sslMode(ssl),
      // Where no authority is named pg believes those of the system, which libpq has to be told.
      ...ssl && sslMode(ssl) !== 'require' ? { PGSSLROOTCERT: ca ? await file('root.crt', texts(ca)) : 'system' } : {},
      ...cert ? { PGSSLCERT: await file('client.crt', texts(cert)) } : {},
      ...key ? { PGSSLKEY: await file('client.key', texts(key as ConnectionOptions['ca'])) } : {},
      PGGSSENCMODE: 'disable',
    })
  }
  finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A database as an argument; its name may hold anything, and what is no secret stands beside it. */
function databaseArgument(name: string): string {
  const value = name.replace(/[\\']/g, '\\$&')
  const keepAlive = `keepalives_idle=30 keepalives_interval=10 keepalives_count=3 tcp_user_timeout=60000 connect_timeout=${LIMITS.work.connect / 1000}`
  return `--dbname=dbname='${value}' application_name='iu backup' ${keepAlive}`
}
const ownDatabase = (client: Client): string => (client as unknown as { database: string }).database

interface Ended { status: number | null, said: string }

/** How a program ended, and what it said of it; a signal ends it. */
async function ended(child: ChildProcess, signal?: AbortSignal): Promise<Ended> {
  const said: string[] = []
  const stop = () => child.kill()
  if (signal?.aborted) stop()
  signal?.addEventListener('abort', stop)
  child.stderr!.on('data', chunk => said.push(String(chunk)))
  try {
    const [status] = await once(child, 'close') as [number | null]
    return { status, said: said.join('').trim() }
  }
  finally {
    signal?.removeEventListener('abort', stop)
  }
}

async function outputOf(tool: Tool, args: string[], stdin?: NodeJS.ReadableStream): Promise<string> {
  const child = spawn(tool, args, { env: bare(), stdio: ['pipe', 'pipe', 'pipe'] })
  const out: string[] = []
  child.stdout.on('data', chunk => out.push(String(chunk)))
  const end = ended(child)
  // A reader that has seen enough closes the pipe.
  if (stdin) await Promise.all([pipeline(stdin, child.stdin).catch(ignoreClosed), end])
  else child.stdin.end()
  const { status, said } = await end
  if (status !== 0) throw new BackupRefused(`${tool} ended with ${status}: ${said}`)
  return out.join('')
}

function ignoreClosed(error: { code?: string }): void {
  if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error
}

/** Makes sure that a tool is there and not older than `server`. @throws {BackupRefused} with what to install */
export async function requireTool(tool: Tool, server: string): Promise<void> {
  const major = Number.parseInt(server)
  const remedy = `install the client of PostgreSQL ${major} and put it first on PATH`
  const said = await outputOf(tool, ['--version']).catch((error: { code?: string, message: string }) => {
    if (error.code !== 'ENOENT') throw error
    throw new BackupRefused(`${tool} is not on PATH: ${remedy}`)
  })
  const version = /\b\d+(?:\.\d+|[a-z]\w*)?\b/.exec(said)?.[0] ?? said.trim()
  if (!(Number.parseInt(version) >= major)) throw new BackupRefused(`${tool} is of PostgreSQL ${version}, the server is ${server}: an older client cannot read it; ${remedy}`)
}

/** pg_dump -Fc of our schemas, as the exported snapshot sees them. */
export function dump(client: Client, snapshot: string, writer: TarWriter, signal?: AbortSignal): Promise<void> {
  return withEnvironment(client, async (env) => {
    const child = spawn('pg_dump', ['--format=custom', '--no-password', '--role=iu_owner', `--snapshot=${snapshot}`, '--schema=iu_core', '--schema=iu_deploy', '--encoding=UTF8', '--lock-wait-timeout=60s', databaseArgument(ownDatabase(client))],
      { env, stdio: ['ignore', 'pipe', 'pipe'] })
    const end = ended(child, signal)
    for await (const chunk of child.stdout) await writer.write(chunk as Buffer)
    const { status, said } = await end
    if (status !== 0) throw new BackupRefused(`pg_dump ended with ${status}: ${said}`)
  })
}

const dataOf = ({ path, from, size }: Pick<Backup, 'path' | 'from' | 'size'>) => createReadStream(path, { start: from, end: from + size - 1 })

/** How many entries the table of contents has. */
export async function countEntries(file: Pick<Backup, 'path' | 'from' | 'size'>): Promise<number> {
  const list = await outputOf('pg_restore', ['--list'], dataOf(file))
  return list.split('\n').filter(line => line && !line.startsWith(';')).length
}

/** Restores into the connected database, all of it or nothing. */
export function restore(client: Client, backup: Backup, signal?: AbortSignal): Promise<void> {
  return withEnvironment(client, async (env) => {
    const child = spawn('pg_restore', ['--no-password', '--role=iu_owner', '--exit-on-error', '--single-transaction', databaseArgument(ownDatabase(client))],
      { env, stdio: ['pipe', 'ignore', 'pipe'] })
    const end = ended(child, signal)
    await pipeline(dataOf(backup), child.stdin).catch(ignoreClosed)
    const { status, said } = await end
    if (status !== 0) throw new BackupRefused(`pg_restore ended with ${status}: ${said}`)
  })
}
