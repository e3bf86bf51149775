import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { TestDatabase } from '../harness.ts'
import { drain, emit, openDatabase, pass, refusal, setGate, WORKER } from '../world.ts'

let db: TestDatabase
beforeEach(async () => {
  db = await openDatabase()
})
afterEach(() => db.drop())

interface Health {
  healthy: boolean
  reasons: string[]
  worker_gate_open: boolean
  master_gate_open: boolean
  delivery_mode: string
  blocked_by: string | null
  backlog: number
  oldest_unrouted_at: Date | null
  held_back_since: Date | null
  open_dead_letters: number
  last_pass_at: Date | null
  last_pass_seen: number | null
  locked_since: Date | null
  oldest_snapshot_at: Date | null
  accounting: Record<string, number>
}

async function health(): Promise<Health> {
  const { rows } = await db.as('iu_reader', client => client.query<Health & { worker_code: string }>('SELECT * FROM iu_core.v_iu_route_worker_health'))
  expect(rows).toHaveLength(1)
  expect(rows[0]!.worker_code).toBe(WORKER)
  expect(rows[0]!.healthy).toBe(rows[0]!.reasons.length === 0)
  return rows[0]!
}

/** Makes what is written or begun now look two minutes old. */
async function ageEvents(): Promise<void> {
  await db.pool.query('ALTER TABLE iu_core.event_outbox DISABLE TRIGGER trg_event_outbox_append_only')
  await db.pool.query(`UPDATE iu_core.event_outbox SET created_at = created_at - interval '2 minutes'`)
  await db.pool.query('ALTER TABLE iu_core.event_outbox ENABLE ALWAYS TRIGGER trg_event_outbox_append_only')
}

describe('health', () => {
  test('is good from the start, and after a pass', async () => {
    expect(await health()).toMatchObject({
      healthy: true, worker_gate_open: true, master_gate_open: true, delivery_mode: 'DRY RUN', blocked_by: null,
      backlog: 0, oldest_unrouted_at: null, held_back_since: null, open_dead_letters: 0, last_pass_at: null, last_pass_seen: null,
      locked_since: null, oldest_snapshot_at: null, accounting: { events: 0, attempted: 0, unexplained: 0 },
    })
    await emit(db.pool, 'a')
    expect(await health()).toMatchObject({ healthy: true, backlog: 1, oldest_unrouted_at: expect.any(Date) })
    await drain(db.pool)
    expect(await health()).toMatchObject({ healthy: true, backlog: 0, last_pass_at: expect.any(Date), last_pass_seen: 1 })
  })

  test('a gate that somebody closed, or opened until a time that has passed, is a state and no ill health', async () => {
    await setGate(db.pool, 'route_worker_enabled', false)
    expect(await health()).toMatchObject({ healthy: true, reasons: [], worker_gate_open: false, master_gate_open: true, delivery_mode: 'STOPPED', blocked_by: 'iu_core.route_worker_enabled' })
    const [w8] = (await db.pool.query<{ detail: string, ok: boolean }>(`SELECT detail, ok FROM iu_core.v_iu_works WHERE check_code = 'W8'`)).rows
    expect(w8).toMatchObject({ ok: true, detail: expect.stringMatching(/^iu_outbound_default: healthy; inert: iu_core\.route_worker_enabled is closed by \S+: /) as string })
    // What waits while nothing may be routed waits as it is told to.
    await emit(db.pool, 'a')
    await ageEvents()
    expect(await health()).toMatchObject({ healthy: true, backlog: 1 })
    await setGate(db.pool, 'route_worker_enabled', true)
    expect((await health()).healthy).toBe(false)
    await db.pool.query(`UPDATE iu_core.dot_config SET expires_at = now() WHERE key = 'iu_core.routes_master_enabled'`)
    expect(await health()).toMatchObject({ healthy: true, master_gate_open: false, blocked_by: 'iu_core.routes_master_enabled' })
  })

  test('names a gate that nobody closed: one that is missing or malformed', async () => {
    await setGate(db.pool, 'routes_master_enabled', false)
    await db.pool.query(`DELETE FROM iu_core.dot_config WHERE key = 'iu_core.route_worker_enabled'`)
    expect(await health()).toMatchObject({
      worker_gate_open: false, master_gate_open: false, blocked_by: 'iu_core.route_worker_enabled', reasons: ['gate iu_core.route_worker_enabled is missing'],
    })
    await db.pool.query(`UPDATE iu_core.dot_config SET value = 'yes' WHERE key = 'iu_core.routes_master_enabled'`)
    expect((await health()).reasons).toEqual(['gate iu_core.route_worker_enabled is missing', 'gate iu_core.routes_master_enabled is malformed'])
  })

  test('names an old unrouted event', async () => {
    await emit(db.pool, 'a')
    await ageEvents()
    expect((await health()).reasons).toEqual([expect.stringMatching(/^the oldest unrouted event is of 20.* UTC, the last pass that saw any has yet to come$/)])
    await drain(db.pool)
    expect((await health()).healthy).toBe(true)
    await emit(db.pool, 'b')
    await ageEvents()
    expect((await health()).reasons).toEqual([expect.stringMatching(/^the oldest unrouted event is of 20.* UTC, the last pass that saw any of 20.* UTC$/)])
  })

  test('names a backlog of more than 10,000', async () => {
    await db.pool.query(`SELECT iu_core.fn_iu_outbox_append('app.plain', 'app_table', array_agg('s' || n), array_agg('{}'::jsonb)) FROM generate_series(1, 10001) AS n`)
    expect(await health()).toMatchObject({ backlog: 10_001, reasons: ['more than 10,000 events wait'] })
    await pass(db.pool, 1)
    expect(await health()).toMatchObject({ backlog: 10_000, healthy: true })
  })

  test('of sixteen workers is told from one judgement: at least so many wait, and exactly once they can be counted', async () => {
    for (let bucket = 15; bucket > 0; bucket--) await db.pool.query('SELECT iu_core.fn_iu_cursor_split($1, $2, $3)', [WORKER, bucket, `worker_${bucket}`])
    await db.pool.query(`SELECT iu_core.fn_iu_outbox_append('app.plain', 'app_table', array_agg('s' || n), array_agg('{}'::jsonb)) FROM generate_series(1, 12000) AS n`)
    const all = async () => (await db.as('iu_reader', client => client.query<Health & { worker_code: string, backlog_is_exact: boolean }>('SELECT * FROM iu_core.v_iu_route_worker_health'))).rows
    const waiting = new Map((await db.pool.query<{ worker: string, n: number }>('SELECT worker_code AS worker, count(*)::int AS n FROM iu_core.fn_iu_event_pending(10001) GROUP BY 1')).rows.map(({ worker, n }) => [worker, n]))
    const before = await all()
    expect(before).toHaveLength(16)
    expect(before.reduce((sum, { backlog }) => sum + backlog, 0)).toBe(10_001)
    for (const { worker_code: code, backlog, backlog_is_exact: isExact, reasons } of before) {
      expect(backlog).toBeLessThanOrEqual(waiting.get(code)!)
      expect({ code, isExact, reasons }).toEqual({ code, isExact: false, reasons: [`more than 10,000 events lie ahead, at least ${backlog} of them wait for this worker`] })
    }
    const { rows: [rung] } = await db.pool.query<{ would_release: number }>(`SELECT would_release FROM iu_core.v_iu_disable_ladder WHERE rung = 'L0'`)
    expect(rung!.would_release).toBe(10_001)
    await drain(db.pool, 1000, 'worker_3')
    waiting.set('worker_3', 0)
    for (const { worker_code: code, backlog, backlog_is_exact: isExact, healthy } of await all()) expect({ code, backlog, isExact, healthy }).toEqual({ code, backlog: waiting.get(code), isExact: true, healthy: true })
  })

  test('names open dead letters', async () => {
    await emit(db.pool, 'a', {}, 'app.strict')
    await drain(db.pool)
    expect(await health()).toMatchObject({ open_dead_letters: 1, reasons: ['1 open dead letter'] })
    await emit(db.pool, 'b', {}, 'app.strict')
    await drain(db.pool)
    expect(await health()).toMatchObject({ open_dead_letters: 2, reasons: ['2 open dead letters'] })
  })

  test.each(['before the last pass', 'after it'])('knows since when a writing transaction is open, begun %s', async (when) => {
    const open = await db.connect()
    const reader = await db.connect()
    await reader.query('BEGIN')
    await reader.query('SELECT FROM iu_core.event_outbox')
    const begin = async (): Promise<void> => {
      await open.query('BEGIN')
      await emit(open, 'late')
    }
    if (when === 'before the last pass') await begin()
    await emit(db.pool, 'a')
    await drain(db.pool)
    expect((await health()).held_back_since === null).toBe(when === 'after it')
    if (when === 'after it') await begin()
    const { rows } = await open.query<{ now: Date }>('SELECT now()')
    expect((await health()).held_back_since).toEqual(rows[0]!.now)
    await open.query('COMMIT')
    await drain(db.pool)
    expect((await health()).held_back_since).toBeNull()
  })

  test('knows since when another session has the cursor', async () => {
    const other = await db.connect()
    await other.query('BEGIN')
    const { rows } = await other.query<{ now: Date }>(`SELECT now() FROM iu_core.iu_route_worker_cursor WHERE pg_try_advisory_xact_lock(hashtext('iu_core.iu_route_worker_cursor'), lock_no)`)
    expect((await pass(db.pool)).status).toBe('busy')
    expect((await health()).locked_since).toEqual(rows[0]!.now)
    await other.query('COMMIT')
    expect((await health()).locked_since).toBeNull()
  })

  test('knows of the oldest snapshot', async () => {
    const other = await db.connect()
    await other.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
    const { rows } = await other.query<{ now: Date }>('SELECT now()')
    expect((await health()).oldest_snapshot_at).toEqual(rows[0]!.now)
    await other.query('COMMIT')
    expect((await health()).oldest_snapshot_at).toBeNull()
  })

  test('names buckets that nobody owns, and events that are unexplained', async () => {
    await db.pool.query('UPDATE iu_core.iu_route_worker_cursor SET bucket_to = 13')
    await db.pool.query(`SELECT iu_core.fn_iu_outbox_append('app.plain', 'app_table', array_agg('s' || n), array_agg('{}'::jsonb)) FROM generate_series(1, 64) AS n`)
    const { reasons, accounting } = await health()
    expect(accounting.unexplained).toBeGreaterThan(0)
    expect(accounting).toMatchObject({ events: 64, not_yet_routed: 64 - accounting.unexplained! })
    expect(reasons).toEqual(['no cursor owns bucket 14, 15: nobody routes their events', `${accounting.unexplained} events are unexplained`])
  })

  test('knows of a prepared transaction', async () => {
    const open = await db.connect()
    await open.query('BEGIN')
    await emit(open, 'late')
    await open.query(`PREPARE TRANSACTION 'iu ${db.name}'`)
    onTestFinished(async () => {
      await db.pool.query(`ROLLBACK PREPARED 'iu ${db.name}'`).catch(() => {})
    })
    await emit(db.pool, 'a')
    await drain(db.pool)
    const { rows } = await db.pool.query<{ prepared: Date }>('SELECT prepared FROM pg_prepared_xacts WHERE database = current_database()')
    expect((await health()).held_back_since).toEqual(rows[0]!.prepared)
    await db.pool.query(`COMMIT PREPARED 'iu ${db.name}'`)
    expect((await health()).held_back_since).toBeNull()
  })

  test('is live only with an approved route and the gate for it', async () => {
    await db.pool.query(`UPDATE iu_core.iu_outbound_route SET dry_run = false, approval_digest = definition_digest WHERE route_code = 'app.plain.log'`)
    expect((await health()).delivery_mode).toBe('DRY RUN')
    await setGate(db.pool, 'execution_enabled', true)
    expect((await health()).delivery_mode).toBe('LIVE')
  })

  test('is refused for a worker without a cursor', async () => {
    for (const code of ['nobody', null]) {
      expect(await refusal(db.pool.query('SELECT * FROM iu_core.fn_iu_route_worker_health($1)', [code]))).toEqual({ code: 'IU003', column: 'worker_code' })
    }
  })
})

describe('backlog', () => {
  const backlog = async (view: string): Promise<Record<string, unknown>[]> =>
    (await db.as('iu_reader', client => client.query(`SELECT event_type, pending, oldest_at IS NOT NULL AS aged FROM iu_core.${view} ORDER BY 1`))).rows

  test('counts what waits by type, and the composer apart', async () => {
    expect(await backlog('v_iu_event_backlog')).toEqual([])
    await emit(db.pool, 'a')
    await emit(db.pool, 'b')
    await emit(db.pool, 'a', {}, 'app.twice')
    await db.pool.query(`SELECT iu_core.fn_iu_compose('a', 'workflow', 'A', '{}')`)
    expect(await backlog('v_iu_event_backlog')).toEqual([
      { event_type: 'app.plain', pending: 2, aged: true }, { event_type: 'app.twice', pending: 1, aged: true }, { event_type: 'collection_created', pending: 1, aged: true },
    ])
    expect(await backlog('v_iu_composer_event_backlog')).toEqual([{ event_type: 'collection_created', pending: 1, aged: true }])
    await pass(db.pool, 1)
    expect(await backlog('v_iu_event_backlog')).toMatchObject([{ event_type: 'app.plain', pending: 1 }, { event_type: 'app.twice' }, { event_type: 'collection_created' }])
    await drain(db.pool, 1)
    expect(await backlog('v_iu_event_backlog')).toEqual([])
  })

  test('counts an event whose transaction was open during a pass', async () => {
    const open = await db.connect()
    await open.query('BEGIN')
    await emit(open, 'late')
    await emit(db.pool, 'a')
    await drain(db.pool)
    await open.query('COMMIT')
    expect(await backlog('v_iu_event_backlog')).toEqual([{ event_type: 'app.plain', pending: 1, aged: true }])
  })

  test('leaves held events out', async () => {
    await setGate(db.pool, 'routes_master_enabled', false)
    await emit(db.pool, 'a')
    expect(await backlog('v_iu_event_backlog')).toEqual([])
  })
})
