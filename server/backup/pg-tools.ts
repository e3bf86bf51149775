/** pg_dump and pg_restore, which come with PostgreSQL's client. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import type { Client, ClientConfig } from 'pg'
import { type Backup, BackupRefused } from './manifest.ts'
import type { TarWriter } from './tar.ts'

type Tool = 'pg_dump' | 'pg_restore'

/** A connection as the environment of libpq has it: nothing of it stands on a command line. */
function environmentOf(client: Client, database?: string): NodeJS.ProcessEnv {
  const { host, port, user, password, database: own, ssl } = client as unknown as ClientConfig
  return {
    ...process.env,
    PGHOST: host, PGPORT: String(port), PGUSER: user, PGDATABASE: database ?? own,
    ...typeof password === 'string' ? { PGPASSWORD: password } : {},
    ...ssl ? { PGSSLMODE: process.env.PGSSLMODE ?? 'require' } : {},
    PGAPPNAME: 'iu backup', PGOPTIONS: '',
  }
}

interface Ended { status: number | null, said: string }

/** How a program ended, and what it said of it. */
async function ended(child: ChildProcess): Promise<Ended> {
  const said: string[] = []
  child.stderr!.on('data', chunk => said.push(String(chunk)))
  const [status] = await once(child, 'close') as [number | null]
  return { status, said: said.join('').trim() }
}

async function outputOf(tool: Tool, args: string[], stdin?: NodeJS.ReadableStream): Promise<string> {
  const child = spawn(tool, args, { stdio: ['pipe', 'pipe', 'pipe'] })
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
export async function dump(client: Client, snapshot: string, writer: TarWriter): Promise<void> {
  const child = spawn('pg_dump', ['--format=custom', '--no-password', '--role=iu_owner', `--snapshot=${snapshot}`, '--schema=iu_core', '--schema=iu_deploy', '--encoding=UTF8', '--lock-wait-timeout=60s'],
    { env: environmentOf(client), stdio: ['ignore', 'pipe', 'pipe'] })
  const end = ended(child)
  for await (const chunk of child.stdout) await writer.write(chunk as Buffer)
  const { status, said } = await end
  if (status !== 0) throw new BackupRefused(`pg_dump ended with ${status}: ${said}`)
}

const dataOf = ({ path, from, size }: Pick<Backup, 'path' | 'from' | 'size'>) => createReadStream(path, { start: from, end: from + size - 1 })

/** How many entries the table of contents has. */
export async function countEntries(file: Pick<Backup, 'path' | 'from' | 'size'>): Promise<number> {
  const list = await outputOf('pg_restore', ['--list'], dataOf(file))
  return list.split('\n').filter(line => line && !line.startsWith(';')).length
}

/** Restores into the connected database, all of it or nothing. */
export async function restore(client: Client, backup: Backup): Promise<void> {
  const { database } = client as unknown as ClientConfig
  const child = spawn('pg_restore', ['--no-password', '--role=iu_owner', '--exit-on-error', '--single-transaction', `--dbname=${database}`],
    { env: environmentOf(client), stdio: ['pipe', 'ignore', 'pipe'] })
  const end = ended(child)
  await pipeline(dataOf(backup), child.stdin).catch(ignoreClosed)
  const { status, said } = await end
  if (status !== 0) throw new BackupRefused(`pg_restore ended with ${status}: ${said}`)
}
