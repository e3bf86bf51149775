import pg from 'pg'
import { type NodePgDatabase, drizzle } from 'drizzle-orm/node-postgres'
import { Connection, LIMITS, type Limits } from './connection.ts'
import { DatabaseAway, faultOf } from './faults.ts'

/** One connection inside a read-only snapshot: what every query function takes. */
export type Snapshot = NodePgDatabase

/** A connection that was used so lately is taken to be alive; an older one is asked before it is given out. */
const FRESH_MS = 1000
const PING_MS = 3000

/**
 * A pool that gives out no connection that fell silent, or was closed, while it was idle. Where one was found so, those
 * that were opened before are not used again: they went the same way.
 */
class Pool extends pg.Pool {
  #silentAt = -Infinity
  readonly #freshMs: number
  readonly #openedAt = new WeakMap<pg.PoolClient, number>()
  readonly #answeredAt = new WeakMap<pg.PoolClient, number>()

  constructor(connectionString: string, max: number, limits: Limits, freshMs: number) {
    class PageConnection extends Connection {
      constructor() {
        super({ connectionString }, 'iu_console', limits)
      }
    }
    super({ max, Client: PageConnection as typeof pg.Client, connectionTimeoutMillis: limits.connect, allowExitOnIdle: true })
    this.#freshMs = freshMs
    // A connection lost while idle is replaced at its next use; without a listener it would end the process.
    this.on('error', () => {})
    this.on('connect', (client) => {
      this.#openedAt.set(client, performance.now())
      this.#answeredAt.set(client, performance.now())
    })
    this.on('release', (error: unknown, client) => {
      if (error instanceof Error && faultOf(error) === 'away') this.#silentAt = performance.now()
      else this.#answeredAt.set(client, performance.now())
    })
  }

  override connect(): Promise<pg.PoolClient>
  override connect(callback: (error: Error | undefined, client: pg.PoolClient | undefined, done: (release?: Error | boolean) => void) => void): void
  override connect(callback?: (error: Error | undefined, client: pg.PoolClient | undefined, done: (release?: Error | boolean) => void) => void): Promise<pg.PoolClient> | void {
    if (!callback) return this.#live()
    this.#live().then(client => callback(undefined, client, client.release), (error: Error) => callback(error, undefined, () => {}))
  }

  async #live(): Promise<pg.PoolClient> {
    for (;;) {
      const client = await super.connect()
      const dead = this.#openedAt.get(client)! < this.#silentAt || await this.#ping(client)
      if (!dead) return client
      client.release(dead)
    }
  }

  /** Why a connection is of no use any more, if it is not. */
  async #ping(client: pg.PoolClient): Promise<Error | undefined> {
    if (performance.now() - this.#answeredAt.get(client)! < this.#freshMs) return undefined
    return client.query({ text: 'SELECT', query_timeout: PING_MS } as pg.QueryConfig).then(() => undefined, (error: Error) => error)
  }
}

/** The only place that opens a pool; the role is the connection string's, `iu_console` for the console. */
export const openPool = (connectionString: string, max = 10, limits: Limits = LIMITS.page, freshMs = FRESH_MS): pg.Pool => new Pool(connectionString, max, limits, freshMs)

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
  let failure: Error | undefined
  try {
    const { rows: [clock] } = await client.query<{ now: Date }>(`BEGIN ISOLATION LEVEL ${isolation} READ ONLY`).then(() => client.query('SELECT now()'))
    const answer = await read(drizzle({ client }))
    await client.query('COMMIT')
    return { ...answer, asOf: clock!.now.toISOString() }
  }
  catch (error) {
    failure = error as Error
    throw error
  }
  finally {
    // A connection that failed may be in any state: it is not used again.
    client.release(failure)
  }
}
