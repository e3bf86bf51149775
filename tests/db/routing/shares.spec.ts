/** Splitting and joining cursors: where it is allowed, where the two go on, and what is read once more. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { waiting } from '../commands/beside.ts'
import type { TestDatabase } from '../harness.ts'
import { accounting, drain, emit, expectWhole, openDatabase, pass, refusal, WORKER } from '../world.ts'

const UPPER = 'upper'

let db: TestDatabase
beforeEach(async () => {
  db = await openDatabase()
})
afterEach(() => db.drop())

const split = (at = 8, to = UPPER, of = WORKER, part = 'upper') => db.pool.query('SELECT iu_core.fn_iu_cursor_split($1, $2, $3, $4)', [of, at, to, part])
async function join(keep = WORKER, joined = UPPER): Promise<string> {
  const { rows } = await db.pool.query<{ reads: string }>('SELECT iu_core.fn_iu_cursor_join($1, $2) AS reads', [keep, joined])
  return rows[0]!.reads
}
async function emitMany(count: number, subject: string): Promise<void> {
  await db.pool.query(`SELECT iu_core.fn_iu_emit_event('app.plain', 'app_table', $2 || n, '{}') FROM generate_series(1, $1) AS n`, [count, subject])
}
async function ranges(): Promise<string[]> {
  const { rows } = await db.pool.query<{ range: string }>(`SELECT format('%s %s-%s', worker_code, bucket_from, bucket_to) AS range FROM iu_core.v_iu_worker_cursor ORDER BY bucket_from`)
  return rows.map(row => row.range)
}
/** How often an event was read beyond its first attempt: each read of it is counted as seen. */
async function readAgain(): Promise<number> {
  const { rows } = await db.pool.query<{ n: number }>('SELECT ((SELECT sum(seen) FROM iu_core.iu_route_worker_run) - (SELECT count(DISTINCT event_id) FROM iu_core.iu_route_attempt))::int AS n')
  return rows[0]!.n
}

describe('a split', () => {
  test('in the middle of a window leaves each part what was left of it, and reads nothing twice', async () => {
    await emitMany(60, 'a')
    const open = await db.connect()
    await open.query('BEGIN')
    for (let n = 0; n < 10; n++) await emit(open, `late ${n}`)
    expect((await pass(db.pool, 20)).seen).toBe(20)
    await split()
    await split(12, 'top', UPPER)
    await split(3, 'bottom', WORKER, 'lower')
    expect(await ranges()).toEqual(['bottom 0-2', `${WORKER} 3-7`, `${UPPER} 8-11`, 'top 12-15'])
    for (const worker of ['top', WORKER, 'bottom', UPPER]) await drain(db.pool, 7, worker)
    expect(await accounting(db.pool)).toMatchObject({ attempted: 60, not_yet_routed: 0, unexplained: 0 })
    await open.query('COMMIT')
    expect(await accounting(db.pool)).toMatchObject({ attempted: 60, not_yet_routed: 10, unexplained: 0 })
    for (const worker of ['bottom', WORKER, 'top', UPPER]) await drain(db.pool, 3, worker)
    await expectWhole(db.pool)
    expect(await readAgain()).toBe(0)
  })

  test('is refused where it divides nothing, or the name is no name or taken', async () => {
    await split()
    for (const at of [0, 8, 9, null]) expect(await refusal(db.pool.query('SELECT iu_core.fn_iu_cursor_split($1, $2, $3)', [WORKER, at, 'third']))).toEqual({ code: 'IU002', column: 'bucket' })
    for (const name of ['', 'No name', 'x'.repeat(64), 'replay', null]) expect(await refusal(db.pool.query('SELECT iu_core.fn_iu_cursor_split($1, 4, $2)', [WORKER, name]))).toEqual({ code: 'IU002', column: 'new_worker' })
    expect(await refusal(split(4, UPPER))).toEqual({ code: 'IU004', column: 'new_worker' })
    expect(await refusal(split(4, 'third', 'nobody'))).toEqual({ code: 'IU003', column: 'worker_code' })
    await split(1, 'third')
    expect(await refusal(split(1, 'fourth'))).toEqual({ code: 'IU002', column: 'worker_code' })
  })

  test('waits for the pass under way, and not for ever', async () => {
    await emit(db.pool, 'a')
    const own = await db.connect()
    await own.query('BEGIN')
    await pass(own)
    expect((await refusal(split())).code).toBe('55P03')
    const late = split()
    await waiting(db, 1)
    await own.query('COMMIT')
    await late
    expect(await ranges()).toEqual([`${WORKER} 0-7`, `${UPPER} 8-15`])
  })
})

describe('a join', () => {
  test('of two that nothing waits for reads nothing once more, wherever each was left', async () => {
    await split()
    await emitMany(40, 'a')
    await drain(db.pool, 7)
    await emitMany(40, 'b')
    await drain(db.pool, 100, UPPER)
    await drain(db.pool, 100)
    expect(await join()).toBe('nothing')
    expect(await ranges()).toEqual([`${WORKER} 0-15`])
    await emitMany(10, 'c')
    await drain(db.pool)
    await expectWhole(db.pool)
    expect(await readAgain()).toBe(0)
  })

  test('of two inside one window goes back to the page that both have read', async () => {
    await emitMany(80, 'a')
    await pass(db.pool, 10)
    await split()
    await pass(db.pool, 20)
    await pass(db.pool, 5, UPPER)
    expect(await join()).toBe('some')
    expect(await accounting(db.pool)).toMatchObject({ attempted: 35, unexplained: 0 })
    await drain(db.pool, 9)
    await expectWhole(db.pool)
    const again = await readAgain()
    expect(again).toBeGreaterThan(0)
    expect(again).toBeLessThanOrEqual(20)
  })

  test('of two in different windows, with late commits open, loses and doubles nothing', async () => {
    const [first, second] = [await db.connect(), await db.connect()]
    await emit(db.pool, 'a cursor that knows its cluster')
    await drain(db.pool)
    for (const client of [first, second]) await client.query('BEGIN')
    for (let n = 0; n < 10; n++) await emit(first, `first ${n}`)
    await emitMany(40, 'a')
    await split()
    await pass(db.pool, 5)
    for (let n = 0; n < 10; n++) await emit(second, `second ${n}`)
    await emitMany(40, 'b')
    await pass(db.pool, 100, UPPER)
    await first.query('COMMIT')
    await emitMany(40, 'c')
    await pass(db.pool, 5, UPPER)
    expect(await join()).toBe('some')
    expect(await accounting(db.pool)).toMatchObject({ unexplained: 0 })
    await drain(db.pool, 11)
    await second.query('COMMIT')
    await drain(db.pool, 11)
    await expectWhole(db.pool)
    expect((await accounting(db.pool)).attempted).toBe(141)
  })

  test('goes the other way round too, and the counts of the joined worker stay', async () => {
    await split()
    await emitMany(40, 'a')
    await Promise.all([drain(db.pool, 7), drain(db.pool, 7, UPPER)])
    await join(UPPER, WORKER)
    expect(await ranges()).toEqual([`${UPPER} 0-15`])
    await emitMany(10, 'b')
    await drain(db.pool, 7, UPPER)
    await expectWhole(db.pool)
    const { rows } = await db.pool.query(`SELECT sum(attempts)::int AS attempts FROM iu_core.v_iu_route_attempt_summary WHERE route_code = 'app.plain.log'`)
    expect(rows).toEqual([{ attempts: 50 }])
    expect((await refusal(pass(db.pool))).code).toBe('IU003')
  })

  test('does not give what was decided to a route that was registered since', async () => {
    await emit(db.pool, 'a cursor that knows its cluster', {}, 'app.twice')
    await drain(db.pool)
    await split()
    await emitMany(20, 'a')
    await drain(db.pool)
    await emitMany(20, 'b')
    await pass(db.pool, 1, UPPER)
    expect(await join()).toBe('some')
    const { rows: [decided] } = await db.pool.query<{ n: number }>(`SELECT count(*)::int AS n FROM iu_core.iu_route_attempt AS a JOIN iu_core.event_outbox AS e ON e.id = a.event_id WHERE e.event_type = 'app.plain'`)
    await db.pool.query('SELECT iu_core.fn_iu_routes_register($1)', [{ 'app.plain.new': { event_type: 'app.plain', target_kind: 'log', target_ref: 'iu_route_attempt', enabled: true } }])
    await drain(db.pool)
    expect(await readAgain()).toBeGreaterThan(0)
    const { rows } = await db.pool.query<{ n: number }>(`SELECT count(*)::int AS n FROM iu_core.iu_route_attempt AS a JOIN iu_core.event_outbox AS e ON e.id = a.event_id WHERE e.event_type = 'app.plain'`)
    expect(rows[0]!.n).toBe(decided!.n + (40 - decided!.n) * 2)
  })

  test('of two of which one has yet to read everything reads everything', async () => {
    await emitMany(30, 'a')
    await drain(db.pool)
    await split()
    await db.pool.query('SELECT iu_core.fn_iu_cursor_reset($1)', [UPPER])
    await pass(db.pool, 5, UPPER)
    expect(await join()).toBe('everything')
    await emitMany(10, 'b')
    await drain(db.pool, 7)
    await expectWhole(db.pool)
    expect(await readAgain()).toBe(30 + 5)
  })

  test('finds a restored row that waits because its transaction id is one that ran here', async () => {
    await split()
    await emitMany(20, 'a')
    await drain(db.pool)
    const open = await db.connect()
    await open.query('BEGIN')
    await emitMany(1, 'b')
    const { rows: [own] } = await open.query<{ xid: string }>('SELECT pg_current_xact_id()::text AS xid')
    await drain(db.pool)
    // As a dump brings it: the row is older than every floor, its transaction id is by chance that of the open one.
    await db.pool.query('ALTER TABLE iu_core.event_outbox DISABLE TRIGGER trg_event_outbox_append_only')
    await db.pool.query(`UPDATE iu_core.event_outbox SET xid = $1::text::xid8 WHERE id = (SELECT min(id) FROM iu_core.event_outbox WHERE bucket > 7)`, [own!.xid])
    await db.pool.query('SELECT iu_core.fn_iu_cursor_reset($1)', [UPPER])
    await drain(db.pool, 100, UPPER)
    expect(await accounting(db.pool)).toMatchObject({ not_yet_routed: 1, unexplained: 0 })
    await open.query('COMMIT')
    await join()
    expect(await accounting(db.pool)).toMatchObject({ not_yet_routed: 1, unexplained: 0 })
    await drain(db.pool, 7)
    await expectWhole(db.pool)
  })

  test('is refused where the ranges do not touch, or a worker is not there', async () => {
    await split()
    await split(12, 'top', UPPER)
    expect(await refusal(join(WORKER, 'top'))).toEqual({ code: 'IU002', column: 'joined' })
    expect(await refusal(join(WORKER, WORKER))).toEqual({ code: 'IU002', column: 'joined' })
    expect(await refusal(join(WORKER, 'nobody'))).toEqual({ code: 'IU003', column: 'worker_code' })
  })
})

test('a pass that comes between does not run under a lock that is no longer the cursor\'s', async () => {
  await emit(db.pool, 'a')
  const joining = await db.connect()
  await split()
  await joining.query('BEGIN')
  await joining.query('SELECT iu_core.fn_iu_cursor_join($1, $2)', [WORKER, UPPER])
  for (const worker of [WORKER, UPPER]) expect((await pass(db.pool, 10, worker)).status).toBe('busy')
  await joining.query('COMMIT')
  await split()
  await Promise.all([drain(db.pool), drain(db.pool, 10, UPPER)])
  await expectWhole(db.pool)
})
