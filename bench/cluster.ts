/** A durable PostgreSQL of the benchmark's own, in a temporary folder that goes with the process. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import pg from 'pg'

const OPENER = join(import.meta.dirname, '../tests/db/embedded/opener.ts')

export interface Cluster {
  version: string
  /** Makes an empty database. @returns its URL, as the superuser */
  database: (name: string) => Promise<string>
  stop: () => Promise<void>
}

/** fsync and synchronous_commit stay on, as a server comes: what is measured is what is durable. */
export async function openCluster(): Promise<Cluster> {
  const directory = mkdtempSync(join(tmpdir(), 'iu-bench-'))
  // Root's server runs as another user, who must get in.
  chmodSync(directory, 0o755)
  const holder = spawn(process.execPath, [OPENER, directory, JSON.stringify({ remove: true })], { stdio: ['pipe', 'pipe', 'inherit'], detached: true })
  const exit = once(holder, 'exit')
  const line = await Promise.race([once(createInterface(holder.stdout), 'line'), exit.then(() => Promise.reject(new Error('PostgreSQL did not start')))])
  const { adminUrl, version } = JSON.parse(line[0] as string) as { adminUrl: string, version: string }
  return {
    version,
    async database(name) {
      await using(adminUrl, client => client.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`))
      return Object.assign(new URL(adminUrl), { pathname: name }).href
    },
    async stop() {
      holder.stdin.end()
      await exit
    },
  }
}

/** A connection for as long as `work` takes. */
export async function using<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return await work(client)
  }
  finally {
    await client.end()
  }
}
