import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import './setup.ts'

/** One lock for all spec files: what they do to the cluster as a whole, they do in turn. */
const CLUSTER_LOCK = 7_415_001

/** A database of one spec file, as deployed and empty. */
export interface TestDatabase {
  /** Connection string as the superuser `iu_deployer`. */
  url: string
  name: string
  /** Connections as the superuser. */
  pool: pg.Pool
  /** A new connection, with `role` set (the session stays that of the superuser); it is ended by `drop` at the latest. */
  connect(role?: string): Promise<pg.Client>
  /** A new connection of which `role` is the session user, having logged in with its own password. */
  login(role: string): Promise<pg.Client>
  /** The connection string by which `role` logs in. */
  loginUrl(role: string): string
  /** Runs `work` on a connection of its own with `role` set. */
  as<T>(role: string, work: (client: pg.Client) => Promise<T>): Promise<T>
  /** Ends every connection made here and drops the database. */
  drop(): Promise<void>
}

/**
 * Makes a database for a spec file out of the template, or, with `deployed: false`, one before its first unit:
 *
 *     const db = await testDatabase()
 *     afterAll(() => db.drop())
 */
export async function testDatabase({ deployed = true } = {}): Promise<TestDatabase> {
  const server = inject('server')
  const name = `iu_test_${randomBytes(6).toString('hex')}`
  const url = urlFor({ database: name })
  const { bootstrap } = await import('../../server/deploy/index.ts')
  await exclusively(async (admin) => {
    await admin.query(`CREATE DATABASE ${name} STRATEGY file_copy TEMPLATE ${deployed ? server.template : `template0 ENCODING 'UTF8'`}`)
    // What belongs to a database as a whole (its grants and settings) is not copied with it.
    const client = await open(url)
    await bootstrap(client).finally(() => client.end())
  })

  const pool = new pg.Pool({ connectionString: url, max: 10 })
  // A spec may end connections on purpose; an idle one that is lost is no failure.
  pool.on('error', () => {})
  const clients = new Set<pg.Client>()
  const opened = async (address: string, role?: string): Promise<pg.Client> => {
    const client = await open(address, role)
    clients.add(client)
    client.once('end', () => clients.delete(client))
    return client
  }
  const loginUrl = (role: string): string => urlFor({ database: name, user: role, password: server.password })

  return {
    url,
    name,
    pool,
    loginUrl,
    connect: role => opened(url, role),
    login: role => opened(loginUrl(role)),
    async as(role, work) {
      const client = await opened(url, role)
      try {
        return await work(client)
      }
      finally {
        await client.end()
      }
    },
    async drop() {
      // A spec that failed may have left a query waiting for a lock: its sessions are ended by force, and then
      // gone, because PostgreSQL would wait a tenth of a second for any that is still there.
      await exclusively(admin => admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]))
      await Promise.all([...clients].map(client => client.end()))
      await pool.end()
      await exclusively(admin => admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`))
    },
  }
}

async function open(url: string, role?: string): Promise<pg.Client> {
  const client = new pg.Client(url)
  client.on('error', () => {})
  await client.connect()
  if (role) await client.query(`SET ROLE ${pg.escapeIdentifier(role)}`)
  return client
}

/** Runs `work`, which changes the cluster as a whole, while no other spec file does so. */
export async function exclusively(work: (admin: pg.Client) => Promise<unknown>): Promise<void> {
  const admin = await open(inject('server').adminUrl)
  try {
    await admin.query('SELECT pg_advisory_lock($1)', [CLUSTER_LOCK])
    await work(admin)
  }
  finally {
    await admin.end()
  }
}

function urlFor({ database, user, password }: { database: string, user?: string, password?: string }): string {
  const url = new URL(inject('server').adminUrl)
  url.pathname = database
  if (user) url.username = user
  if (password) url.password = password
  return url.href
}
