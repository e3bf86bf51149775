import type { Socket } from 'node:net'
import pg from 'pg'
import { ConnectionSilent, stateOf } from './faults.ts'

/** How long what may take, in milliseconds. */
export interface Limits {
  /** until there is a connection */
  connect: number
  /** a statement, by the server's clock */
  statement: number
  /** until a query is answered, by ours: a server that has fallen silent cuts nothing off */
  answer: number
  /** a transaction in which nothing is asked, by the server's clock */
  idle: number
  /** how often the server is asked over another connection whether it still works on a query that takes long; 0 = never */
  look: number
}

const [SECOND, MINUTE, HOUR] = [1000, 60_000, 3_600_000]

/** What a connection is for decides what it is granted. */
export const LIMITS = {
  /** pages: somebody waits. A download whose reader fell asleep must not hold a snapshot for ever. */
  page: { connect: 5 * SECOND, statement: 15 * SECOND, answer: 20 * SECOND, idle: MINUTE, look: 0 },
  /** passes: an event that takes as long by itself cannot be judged, and the cursor is held until then */
  pass: { connect: 10 * SECOND, statement: 2 * MINUTE, answer: 3 * MINUTE, idle: MINUTE, look: 10 * SECOND },
  /** what else is done again and again in small parts: audits, replays */
  loop: { connect: 10 * SECOND, statement: 15 * MINUTE, answer: 16 * MINUTE, idle: MINUTE, look: 10 * SECOND },
  /** deploy, backup, import: as long as the server works on it */
  work: { connect: 10 * SECOND, statement: 24 * HOUR, answer: 25 * HOUR, idle: 10 * MINUTE, look: 10 * SECOND },
} satisfies Record<string, Limits>

/** The server too is to notice that we are gone, and let go of what we hold. */
const KEEP_ALIVE = { tcp_keepalives_idle: 30, tcp_keepalives_interval: 10, tcp_keepalives_count: 3, tcp_user_timeout: 60 * SECOND }
/** The parting takes no longer. */
const GOODBYE = 2 * SECOND
const TICK = SECOND
/** Looks that must all have found nothing: one alone may fall between two steps. */
const LOOKS = 3

const config = (given: pg.ClientConfig, name: string, { connect, statement, idle }: Limits): pg.ClientConfig => ({
  ...given,
  application_name: name,
  keepAlive: true,
  keepAliveInitialDelayMillis: KEEP_ALIVE.tcp_keepalives_idle * SECOND,
  connectionTimeoutMillis: connect,
  statement_timeout: statement,
  idle_in_transaction_session_timeout: idle,
  options: Object.entries(KEEP_ALIVE).map(([setting, value]) => `-c ${setting}=${value}`).join(' '),
})

/**
 * A connection that notices when it has fallen silent: nobody closed it, but nothing comes any more, as behind a
 * firewall that forgot it or a host that lost its power. What is under way on it fails then, with ConnectionSilent.
 */
export class Connection extends pg.Client {
  readonly #given: pg.ClientConfig
  readonly #limits: Limits
  #watch?: NodeJS.Timeout
  /** the query that was seen under way, since when, and what had gone over the wire at the last look */
  #seen?: { query: unknown, since: number, lookedAt: number, bytes: number, missed: number }
  #backend = 0

  constructor(given: pg.ClientConfig, name: string, limits: Limits) {
    super(config(given, name, limits))
    this.#given = given
    this.#limits = limits
    // The query under way rejects by itself; this is for a loss between two, of which the next one tells.
    this.on('error', () => {})
    this.once('end', () => clearInterval(this.#watch))
    this.once('connect', () => {
      this.#watch = setInterval(() => void this.#tick(), Math.min(TICK, limits.look || TICK))
      this.#watch.unref()
    })
  }

  /** Connects; where a pooler stands between, the server's own name for the session is needed. */
  async open(): Promise<this> {
    await this.connect()
    // Work that takes long ends soon after whoever asked for it is gone; a server on another system refuses the setting.
    if (this.#limits.look) this.#backend = (await this.query<{ pid: number }>(`SELECT pg_backend_pid() AS pid, CASE WHEN version() ~ 'linux' THEN set_config('client_connection_check_interval', '2s', false) END`)).rows[0]!.pid
    return this
  }

  /** Breaks the connection off: what is under way fails with `why`. */
  cut(why: Error): void {
    this.#socket.destroy(why)
  }

  override end(): Promise<void>
  override end(callback: (error: Error) => void): void
  override end(callback?: (error: Error) => void): Promise<void> | void {
    // Whoever does not answer the goodbye is left.
    setTimeout(() => this.#socket.destroy(), GOODBYE).unref()
    return callback ? super.end(callback) : super.end()
  }

  get #socket(): Socket {
    return (this as unknown as { connection: { stream: Socket } }).connection.stream
  }

  async #tick(): Promise<void> {
    const query = (this as unknown as { _getActiveQuery(): unknown })._getActiveQuery()
    const now = performance.now()
    if (!query || query !== this.#seen?.query) {
      this.#seen = query ? { query, since: now, lookedAt: now, bytes: this.#bytes, missed: 0 } : undefined
      return
    }
    const seen = this.#seen
    const { answer, look } = this.#limits
    if (now - seen.since >= answer) return this.cut(new ConnectionSilent(`the database has not answered for ${answer / SECOND} s`))
    if (!look || now - seen.lookedAt < look) return
    seen.lookedAt = now
    const bytes = this.#bytes
    seen.missed = bytes !== seen.bytes || await this.#isServed() ? 0 : seen.missed + 1
    seen.bytes = bytes
    if (seen.missed >= LOOKS && seen === this.#seen) this.cut(new ConnectionSilent('the connection to the database fell silent: the server does not work on what it was asked'))
  }

  get #bytes(): number {
    return this.#socket.bytesRead + this.#socket.bytesWritten
  }

  /** Whether the server says, over another connection, that it works on our query; a server that cannot say so may. */
  async #isServed(): Promise<boolean> {
    const other = new Connection(this.#given, 'iu look', LIMITS.page)
    try {
      await other.open()
      const { rows: [session] } = await other.query<{ serves: boolean }>({
        text: `SELECT state NOT LIKE 'idle%' AND wait_event_type IS DISTINCT FROM 'Client' AS serves FROM pg_stat_activity WHERE pid = $1`, values: [this.#backend], query_timeout: LIMITS.page.connect,
      } as pg.QueryConfig)
      return session?.serves ?? false
    }
    catch (error) {
      // It spoke: it is there, but lets nobody else in now.
      return stateOf(error as Error) !== undefined
    }
    finally {
      await other.end()
    }
  }
}

/** One connection outside of any pool; `name` is what the server's list of sessions shows. */
export function openConnection(connectionString: string, name: string, limits: Limits): Promise<Connection> {
  return opened(new Connection({ connectionString }, name, limits))
}

/** A connection of the same login to another database of the same server. */
export function openBeside(client: pg.Client | pg.PoolClient, database: string, name: string, limits: Limits): Promise<Connection> {
  const { host, port, user, password, ssl } = client as unknown as pg.ClientConfig
  return opened(new Connection({ host, port, user, password, ssl, database }, name, limits))
}

async function opened(connection: Connection): Promise<Connection> {
  try {
    return await connection.open()
  }
  catch (error) {
    await connection.end()
    throw error
  }
}
