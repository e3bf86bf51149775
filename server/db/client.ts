import pg from 'pg'
import { type NodePgDatabase, drizzle } from 'drizzle-orm/node-postgres'

/** One connection inside a read-only snapshot: what every query function takes. */
export type Snapshot = NodePgDatabase

/** The server could not be reached, or went away: nothing that a query did. */
export class DatabaseAway extends Error {
  override name = 'DatabaseAway'
}

/** The only place that opens a pool; the role is the connection string's, `iu_console` for the console. */
export function openPool(connectionString: string, max = 10): pg.Pool {
  const pool = new pg.Pool({
    connectionString,
    max,
    application_name: 'iu_console',
    connectionTimeoutMillis: 5_000,
    statement_timeout: 15_000,
    // A download whose reader fell asleep must not hold a snapshot for ever.
    idle_in_transaction_session_timeout: 60_000,
    allowExitOnIdle: true,
  })
  // A connection lost while idle is replaced at its next use; without a listener it would end the process.
  pool.on('error', () => {})
  // The same for one that is lost between two queries of a transaction: the next query says so.
  pool.on('connect', client => client.on('error', () => {}))
  return pool
}

/** One connection outside of any pool, for whoever keeps it as long as it lives; `name` is what the server's list of sessions shows. */
export async function openConnection(connectionString: string, name: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString, application_name: name })
  // The query that is under way rejects by itself; this is for a loss between two.
  client.on('error', () => {})
  await client.connect()
  return client
}

/** Connects, and tells a server that cannot be reached from every other fault. */
export async function connect(pool: pg.Pool): Promise<pg.PoolClient> {
  return pool.connect().catch((cause: unknown) => {
    throw new DatabaseAway('the database cannot be reached', { cause })
  })
}

/**
 * REPEATABLE READ: one snapshot for all statements. READ COMMITTED: one for each, for what holds the catalogue
 * against the inventory, which in a snapshot older than the statement it cannot.
 */
export type Isolation = 'REPEATABLE READ' | 'READ COMMITTED'

/**
 * Runs `read` in one read-only snapshot, so that the numbers of an answer agree with each other, and
 * adds the database's clock to it.
 */
export async function inSnapshot<T extends object>(pool: pg.Pool, read: (db: Snapshot) => Promise<T>, isolation: Isolation = 'REPEATABLE READ'): Promise<T & { asOf: string }> {
  const client = await connect(pool)
  let failure: unknown
  try {
    const { rows: [clock] } = await client.query<{ now: Date }>(`BEGIN ISOLATION LEVEL ${isolation} READ ONLY`).then(() => client.query('SELECT now()'))
    const answer = await read(drizzle({ client }))
    await client.query('COMMIT')
    return { ...answer, asOf: clock!.now.toISOString() }
  }
  catch (error) {
    failure = error
    throw error
  }
  finally {
    // A connection that failed may be in any state: it is not used again.
    client.release(failure !== undefined)
  }
}
