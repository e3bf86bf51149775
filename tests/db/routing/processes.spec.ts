/** Processes that run passes: how they share the work, what they say of themselves, and the schedule that starts and stops them. */
import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { LIMITS, openConnection } from '../../../server/db/connection.ts'
import { pollWorker, type Total, type WorkerOptions } from '../../../server/worker/poll.ts'
import { run } from '../commands/world.ts'
import type { TestDatabase } from '../harness.ts'
import { emit, expectWhole, openDatabase, refusal, setGate, WORKER } from '../world.ts'

let db: TestDatabase
let controller: AbortController
let started: Promise<Total>[]
beforeEach(async () => {
  db = await openDatabase()
  controller = new AbortController()
  started = []
})
afterEach(async () => {
  controller.abort()
  await Promise.allSettled(started)
  await db.drop()
})

function poll(until: WorkerOptions['until'], more: Partial<WorkerOptions> = {}): Promise<Total> {
  const running = pollWorker({ batchSize: 10, pollMs: 10, until, signal: controller.signal, connect: () => openConnection(db.url, 'a worker', LIMITS.loop), ...more })
  started.push(running)
  return running
}
/** Connections that count their queries of a kind. */
function counted(kind: RegExp) {
  let queries = 0
  const connect = async () => {
    const client = await openConnection(db.url, 'a worker', LIMITS.loop)
    const query = client.query.bind(client) as (...args: unknown[]) => unknown
    Object.assign(client, { query: (...args: unknown[]) => {
      if (kind.test(typeof args[0] === 'string' ? args[0] : (args[0] as { text: string }).text)) queries += 1
      return query(...args)
    } })
    return client
  }
  return { connect, count: () => queries }
}
async function stop<T>(...running: Promise<T>[]): Promise<T[]> {
  controller.abort()
  return Promise.all(running)
}
const processes = async () => (await db.pool.query('SELECT kind, worker_code AS code, pid, status, is_stale AS stale FROM iu_core.v_iu_worker_process')).rows
const emitMany = (count: number) => db.pool.query(`SELECT iu_core.fn_iu_emit_event('app.plain', 'app_table', 's' || n, '{}') FROM generate_series(1, $1) AS n`, [count])
const pending = async () => (await db.pool.query<{ n: number }>('SELECT not_yet_routed::int AS n FROM iu_core.v_iu_accounting')).rows[0]!.n

describe('processes', () => {
  test('share every worker there is, also one that a split makes while they run, and one that a join ends', async () => {
    await db.pool.query(`SELECT iu_core.fn_iu_cursor_split($1, 8, 'upper')`, [WORKER])
    const running = [poll('forever'), poll('forever'), poll('forever', { workerCode: 'upper' })]
    await emitMany(200)
    await expect.poll(pending).toBe(0)
    await expect.poll(processes).toHaveLength(3)
    expect(await processes()).toEqual(expect.arrayContaining([expect.objectContaining({ kind: 'cli', code: null, pid: process.pid, stale: false }), expect.objectContaining({ code: 'upper' })]))
    await db.pool.query(`SELECT iu_core.fn_iu_cursor_split($1, 4, 'middle')`, [WORKER])
    await emitMany(200)
    await expect.poll(pending).toBe(0)
    await db.pool.query(`SELECT iu_core.fn_iu_cursor_join($1, 'middle')`, [WORKER])
    await emitMany(200)
    await expect.poll(pending).toBe(0)
    const totals = await stop(...running)
    expect(totals.reduce((sum, { attempts_written: written }) => sum + written, 0)).toBe(600)
    expect(await processes()).toEqual([])
    await expectWhole(db.pool)
  })

  test('that serve a worker by name end when it is gone', async () => {
    await expect(poll('forever', { workerCode: 'nobody' })).rejects.toMatchObject({ code: 'IU003' })
  })

  test('leave no connection open when they end with an error, which would keep the process alive, and no row', async () => {
    const connected: pg.Client[] = []
    const connect = async (role: string) => {
      const client = await db.connect(role)
      connected.push(client)
      return client
    }
    await expect(poll('once', { workerCode: 'nobody', connect: () => connect('iu_worker') })).rejects.toMatchObject({ code: 'IU003' })
    await expect(poll('drain', { connect: () => connect('iu_reader') })).rejects.toMatchObject({ code: '42501' })
    await db.pool.query(`SELECT iu_core.fn_iu_cursor_split($1, 8, 'upper')`, [WORKER])
    const served = poll('forever', { workerCode: 'upper', connect: () => connect('iu_worker') })
    await expect.poll(processes).toHaveLength(1)
    await db.pool.query(`SELECT iu_core.fn_iu_cursor_join($1, 'upper')`, [WORKER])
    await expect(served).rejects.toMatchObject({ code: 'IU003' })
    expect(await processes()).toEqual([])
    for (const client of connected) await expect(client.query('SELECT 1')).rejects.toThrow('Client was closed')
  })

  test('drain all workers, or make one pass of each, and leave no row behind', async () => {
    await emitMany(60)
    await poll('once')
    await db.pool.query(`SELECT iu_core.fn_iu_cursor_split($1, 8, 'upper')`, [WORKER])
    expect(await poll('once')).toMatchObject({ status: 'routed', seen: 20 })
    expect(await poll('drain')).toMatchObject({ status: 'idle', seen: 30, attempts_written: 30 })
    expect(await processes()).toEqual([])
    await setGate(db.pool, 'route_worker_enabled', false)
    expect(await poll('drain')).toMatchObject({ status: 'worker_gate_closed', seen: 0 })
  })

  test('that are silent are stale, and go when the next one comes a day later', async () => {
    const worker = await db.connect('iu_worker')
    const beat = (id: string) => worker.query(`SELECT iu_core.fn_iu_worker_beat($1, 'cli', NULL, 'host', 1, 'idle', 0)`, [id])
    const [dead, gone] = [randomUUID(), randomUUID()]
    for (const id of [dead, gone]) await beat(id)
    await db.pool.query(`UPDATE iu_core.iu_worker_process SET last_seen_at = now() - interval '21 seconds' WHERE process_id = $1`, [dead])
    await db.pool.query(`UPDATE iu_core.iu_worker_process SET last_seen_at = now() - interval '25 hours' WHERE process_id = $1`, [gone])
    expect((await processes()).map(row => row.stale)).toEqual([true, true])
    await beat(randomUUID())
    expect((await processes()).map(row => row.stale).sort()).toEqual([false, true])
    // Nobody but a worker's login has a word in it.
    const other = await db.login('iu_console')
    expect((await refusal(other.query(`SELECT iu_core.fn_iu_worker_leave($1)`, [dead]))).code).toBe('42501')
  })

  test('write nothing while nothing waits, but that they live', async () => {
    await emit(db.pool, 'a')
    const written = async () => (await db.pool.query('SELECT c.xmin AS cursor, p.xmin AS process FROM iu_core.iu_route_worker_cursor AS c, iu_core.iu_worker_process AS p')).rows
    const { connect, count } = counted(/fn_iu_route_worker_run/)
    const running = poll('forever', { pollMs: 1, connect })
    await expect.poll(pending).toBe(0)
    await expect.poll(written).toHaveLength(1)
    const before = await written()
    const passes = count()
    await expect.poll(count).toBeGreaterThan(passes + 50)
    expect((await written()).map(({ cursor }) => cursor)).toEqual(before.map(({ cursor }) => cursor))
    await stop(running)
  })
})

describe('a fault that may pass', () => {
  const faults = async () => (await db.pool.query<{ fault: string | null }>('SELECT fault FROM iu_core.v_iu_worker_process')).rows.map(({ fault }) => fault)

  test('is told in the row and to whoever started it, and tried again until it has passed', async () => {
    const lost: string[] = []
    const running = poll('forever', {
      connect: () => openConnection(db.url, 'a worker', { ...LIMITS.loop, statement: 300 }),
      onLost: error => lost.push((error as { code?: string }).code!),
    })
    await expect.poll(faults, { timeout: 50_000 }).toEqual([null])
    await db.as('iu_owner', async (client) => {
      await client.query('BEGIN; LOCK TABLE iu_core.event_outbox')
      await db.pool.query('SELECT 1')
      await expect.poll(faults, { timeout: 50_000 }).toEqual([expect.stringMatching(/^57014 /)])
      await expect.poll(() => lost.length, { timeout: 50_000 }).toBeGreaterThan(2)
      await client.query('ROLLBACK')
    })
    await emitMany(5)
    await expect.poll(pending, { timeout: 50_000 }).toBe(0)
    await expect.poll(faults, { timeout: 50_000 }).toEqual([null])
    expect(new Set(lost)).toEqual(new Set(['57014']))
    await stop(running)
  })

  test('is whatever the server has run out of, and no fault of the program is', async () => {
    for (const code of ['53100', '53200', '53300', '55P03', '40001', '08006', '57P01', '58030']) {
      await emit(db.pool, code)
      let left = 2
      const lost: string[] = []
      await poll('drain', {
        connect: async () => {
          const client = await openConnection(db.url, 'a worker', LIMITS.loop)
          const query = client.query.bind(client) as (...given: unknown[]) => unknown
          return Object.assign(client, {
            query: (...given: unknown[]) => (given[0] as { name?: string }).name === 'iu_worker_run' && left-- > 0 ? Promise.reject(Object.assign(new Error('in the way'), { code })) : query(...given),
          }) as typeof client
        },
        onLost: error => lost.push((error as { code?: string }).code!),
      })
      expect([lost, await pending()]).toEqual([[code, code], 0])
    }
    await expect(poll('drain', { connect: () => Promise.reject(Object.assign(new Error('no'), { code: '22012' })) })).rejects.toMatchObject({ code: '22012' })
  })
})

describe('the schedule', () => {
  test('runs passes while an approver has enabled it, at its pace, and several consoles do no harm', async () => {
    await setGate(db.pool, 'operator_runtime_enabled', true)
    const { connect, count } = counted(/fn_iu_worker_plan/)
    const looked = async () => {
      const before = count()
      await expect.poll(count).toBeGreaterThan(before + 2)
    }
    const running = [poll('scheduled', { connect }), poll('scheduled', { connect })]
    await emitMany(50)
    await looked()
    expect([await pending(), await processes()]).toEqual([50, []])
    const params = { poll_ms: 20, batch_size: 7 }
    const plan = await run(db.pool, 'dot_iu_enable_schedule', 'plan', params)
    expect(await run(db.pool, 'dot_iu_enable_schedule', 'apply', params, { plan: plan.plan_digest, reason: 'a test' })).toMatchObject({ status: 'succeeded' })
    await expect.poll(pending).toBe(0)
    const { rows: [most] } = await db.pool.query('SELECT max(seen) AS seen, count(*)::int AS passes FROM iu_core.v_iu_route_worker_run')
    expect(most).toEqual({ seen: 7, passes: 8 })
    await expect.poll(processes).toEqual([expect.objectContaining({ kind: 'schedule', stale: false }), expect.objectContaining({ kind: 'schedule' })])
    expect(await run(db.pool, 'dot_iu_disable_schedule', 'apply', {}, { reason: 'a test' })).toMatchObject({ status: 'succeeded' })
    await expect.poll(processes).toEqual([])
    await emitMany(5)
    await looked()
    expect(await pending()).toBe(5)
    expect((await stop(...running)).reduce((sum, { seen }) => sum + seen, 0)).toBe(50)
  })

  test('goes on trying, whatever is in its way', async () => {
    const lost: string[] = []
    const running = poll('scheduled', { connect: async () => { throw Object.assign(new Error('no such password'), { code: '28P01' }) }, onLost: error => lost.push(error.message) })
    await expect.poll(() => lost.length).toBeGreaterThan(1)
    await stop(running)
    expect(new Set(lost)).toEqual(new Set(['no such password']))
  })
})
