/** Connections that fall silent: nobody closes them, but nothing comes any more. Whoever waits on one is told, and the next is a new one. */
import type pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { connect, inSnapshot, openPool } from '../../../server/db/client.ts'
import { type Connection, LIMITS, type Limits, openBeside, openConnection } from '../../../server/db/connection.ts'
import { ConnectionSilent, DatabaseAway, faultOf } from '../../../server/db/faults.ts'
import { pollWorker } from '../../../server/worker/poll.ts'
import type { TestDatabase } from '../harness.ts'
import { emit, openDatabase } from '../world.ts'
import { type SilentProxy, silentProxy } from './silent-proxy.ts'

const QUICK: Limits = { ...LIMITS.work, look: 50 }

let db: TestDatabase
let proxy: SilentProxy
let url: string
let opened: { end: () => Promise<void> }[]
beforeEach(async () => {
  db = await openDatabase()
  proxy = await silentProxy(db.url)
  url = proxy.through(db.url)
  opened = []
})
afterEach(async () => {
  await Promise.all(opened.map(each => each.end()))
  await proxy.close()
  await db.drop()
})

async function open(limits: Limits = QUICK): Promise<Connection> {
  const connection = await openConnection(url, 'a spec', limits)
  opened.push(connection)
  return connection
}
function pool(limits?: Limits, freshMs = 0): pg.Pool {
  const made = openPool(url, 4, limits, freshMs)
  opened.push(made)
  return made
}
/** Until a session of the spec waits for a lock. */
const waiting = () => expect.poll(async () => (await db.pool.query(`SELECT FROM pg_stat_activity WHERE application_name = 'a spec' AND datname = $1 AND wait_event_type = 'Lock'`, [db.name])).rowCount).toBe(1)
const caught = (work: Promise<unknown>): Promise<Error> => work.then(() => Promise.reject(new Error('it went well')), (error: Error) => error)

test('a server ends what it works on soon after whoever asked for it is gone', async () => {
  const connection = await openConnection(db.url, 'a spec', QUICK)
  await db.as('iu_owner', async (other) => {
    await other.query('BEGIN; LOCK TABLE iu_core.event_outbox')
    const lost = caught(connection.query('SELECT FROM iu_core.event_outbox'))
    await waiting()
    connection.cut(new Error('as by kill -9'))
    await lost
    await expect.poll(async () => (await db.pool.query(`SELECT FROM pg_stat_activity WHERE application_name = 'a spec' AND datname = $1`, [db.name])).rowCount, { timeout: 120_000 }).toBe(0)
    await other.query('ROLLBACK')
  })
})

describe('a connection', () => {
  test('that falls silent while it is asked fails what is under way, and what comes after', async () => {
    const connection = await open()
    proxy.silence()
    const failure = await caught(connection.query('SELECT 1'))
    expect(failure).toBeInstanceOf(ConnectionSilent)
    expect(faultOf(failure)).toBe('away')
    expect(faultOf(await caught(connection.query('SELECT 1')))).toBe('away')
  })

  test('whose answer is lost fails as well, also within a transaction', async () => {
    const connection = await open()
    await connection.query('BEGIN')
    await db.as('iu_owner', async (other) => {
      await other.query('BEGIN; LOCK TABLE iu_core.event_outbox')
      const lost = caught(connection.query('SELECT FROM iu_core.event_outbox'))
      await waiting()
      proxy.silence()
      await other.query('COMMIT')
      expect(await lost).toBeInstanceOf(ConnectionSilent)
    })
  })

  test('is given up where nobody can be asked about it', async () => {
    const connection = await open()
    proxy.silence()
    proxy.hold(true)
    expect(await caught(connection.query('SELECT 1'))).toBeInstanceOf(ConnectionSilent)
  })

  test('is left alone while the server works on what it was asked, however often it is looked at', async () => {
    const connection = await open()
    await db.as('iu_owner', async (other) => {
      await other.query('BEGIN; LOCK TABLE iu_core.event_outbox')
      const asked = connection.query('SELECT FROM iu_core.event_outbox')
      await waiting()
      const before = proxy.opened()
      await expect.poll(() => proxy.opened()).toBeGreaterThan(before + 6)
      await other.query('COMMIT')
      await asked
    })
  })

  test('is cut off when the server has not answered for as long as is granted', async () => {
    const connection = await open({ ...LIMITS.page, answer: 1000 })
    proxy.silence()
    expect((await caught(connection.query('SELECT 1'))).message).toMatch(/has not answered for 1 s/)
  })

  test('that is silent is parted from without its goodbye', async () => {
    const connection = await open()
    proxy.silence()
    await connection.end()
  })

  test('has its limits, those of the server and those of TCP, whatever the environment says', async () => {
    process.env.PGOPTIONS = '-c work_mem=77MB'
    try {
      for (const [limits, statement, idle] of [[LIMITS.page, '15s', '1min'], [LIMITS.loop, '15min', '1min'], [LIMITS.work, '1d', '10min']] as const) {
        const made = await open(limits)
        const beside = await openBeside(made, db.name, 'beside', limits)
        opened.push(beside)
        for (const connection of [made, beside]) {
          const { rows } = await connection.query(`SELECT current_setting('statement_timeout') AS statement, current_setting('idle_in_transaction_session_timeout') AS idle,
            current_setting('tcp_keepalives_idle') AS keep, current_setting('tcp_user_timeout') AS lost, current_setting('work_mem') = '77MB' AS led`)
          expect(rows).toEqual([{ statement, idle, keep: '30', lost: expect.stringMatching(/^(?:1min|60000|60s|0)$/), led: false }])
        }
      }
    }
    finally {
      delete process.env.PGOPTIONS
    }
  })

  test('is held on to by nobody when it cannot be made', async () => {
    proxy.hold(true)
    expect(faultOf(await caught(open({ ...QUICK, connect: 200 })))).toBe('away')
  })
})

describe('the pool of the pages', () => {
  const fill = async (made: pg.Pool) => {
    const clients = await Promise.all([1, 2, 3, 4].map(() => made.connect()))
    for (const client of clients) client.release()
  }

  test('answers at once when all of its idle connections fell silent', async () => {
    const made = pool()
    await fill(made)
    expect(proxy.silence()).toBe(4)
    for (let n = 0; n < 8; n++) {
      const { rows } = await made.query('SELECT 1 AS one')
      expect(rows).toEqual([{ one: 1 }])
    }
    expect(await inSnapshot(made, async () => ({ read: true }))).toMatchObject({ read: true })
  })

  test('tells those who wait on a silent one, and serves the next', async () => {
    const made = pool({ ...LIMITS.page, answer: 1000 }, Infinity)
    await fill(made)
    proxy.silence()
    const asked = await Promise.allSettled([1, 2, 3, 4].map(() => made.query('SELECT 1')))
    expect(asked.map(each => each.status === 'rejected' && faultOf(each.reason as Error))).toEqual(['away', 'away', 'away', 'away'])
    await made.query('SELECT 1')
    const read = inSnapshot(made, async () => {
      proxy.silence()
      await made.query('SELECT 1')
      return {}
    })
    await read.catch(() => {})
    await made.query('SELECT 1')
  })

  test('says that the database is away while new connections are held, and serves again when they are not', async () => {
    const made = pool({ ...LIMITS.page, connect: 300 })
    await fill(made)
    proxy.silence()
    proxy.hold(true)
    expect(await caught(connect(made))).toBeInstanceOf(DatabaseAway)
    expect(faultOf(await caught(made.query('SELECT 1')))).toBe('away')
    proxy.hold(false)
    await expect.poll(() => made.query('SELECT 1').then(() => 'served', faultOf)).toBe('served')
  })

  test('does not notice a server that ended its idle sessions', async () => {
    const made = pool()
    await fill(made)
    await db.pool.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'iu_console' AND datname = $1`, [db.name])
    for (let n = 0; n < 4; n++) await made.query('SELECT 1')
  })
})

describe('a worker', () => {
  test('goes on over a new connection, however often the last one fell silent', async () => {
    const stop = new AbortController()
    const told: string[] = []
    const running = pollWorker({
      batchSize: 10, pollMs: 10, until: 'forever', signal: stop.signal,
      connect: () => openConnection(url, 'a worker', { ...QUICK, connect: 300 }),
      onLost: error => told.push(String(faultOf(error))),
    })
    try {
      for (const subject of ['a', 'b', 'c']) {
        await emit(db.pool, subject)
        await expect.poll(async () => (await db.pool.query('SELECT not_yet_routed::int AS n FROM iu_core.v_iu_accounting')).rows[0]!.n).toBe(0)
        proxy.hold(subject === 'b')
        proxy.silence()
        if (subject !== 'b') continue
        const before = told.length
        await expect.poll(() => told.length).toBeGreaterThan(before + 1)
        proxy.hold(false)
      }
    }
    finally {
      stop.abort()
      await running
    }
    expect(new Set(told)).toEqual(new Set(['away']))
  })
})
