import type { Client } from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { TestDatabase } from '../harness.ts'
import { accounting, drain, emit, expectRollups, expectWhole, openDatabase, ownXid, pass, refusal, setGate, WORKER } from '../world.ts'

let db: TestDatabase
let worker: Client
beforeEach(async () => {
  db = await openDatabase()
  worker = await db.connect('iu_worker')
})
afterEach(() => db.drop())

const nothing = { seen: 0, attempts_written: 0, skipped: 0, dead_lettered: 0 }

/** Every attempt, by route code. */
async function attempts(): Promise<Record<string, unknown>[]> {
  const { rows } = await db.pool.query(`
    SELECT event_id::int, route_code, attempt_no, status, failure_code, failure_detail, idempotency_key FROM iu_core.v_iu_route_attempt ORDER BY event_id, route_code, attempt_no`)
  return rows
}

/** Lets a transaction be live that is rolled back afterwards. */
async function live(work: (client: Client) => Promise<void>): Promise<void> {
  const client = await db.connect()
  await client.query('BEGIN')
  await client.query('ALTER TABLE iu_core.iu_outbound_route DROP CONSTRAINT iu_outbound_route_safe_chk')
  await client.query(`UPDATE iu_core.iu_outbound_route SET dry_run = false WHERE route_code = 'app.plain.log'`)
  await work(client)
  await client.query('ROLLBACK')
}

describe('gates', () => {
  test.each([
    ['route_worker_enabled', 'worker_gate_closed'],
    ['routes_master_enabled', 'master_gate_closed'],
  ])('%s closed, missing, malformed or expired: %s', async (gate, status) => {
    await emit(db.pool, 'a')
    const changes = [
      `SELECT iu_core.fn_iu_gate_set('iu_core.${gate}', false, 'a test')`,
      `UPDATE iu_core.dot_config SET value = 'TRUE' WHERE key = 'iu_core.${gate}'`,
      `UPDATE iu_core.dot_config SET value = 'true', expires_at = clock_timestamp() WHERE key = 'iu_core.${gate}'`,
      `DELETE FROM iu_core.dot_config WHERE key = 'iu_core.${gate}'`,
    ]
    for (const change of changes) {
      await db.pool.query(change)
      expect(await pass(worker)).toEqual({ status, ...nothing })
    }
    expect(await attempts()).toEqual([])
  })

  test('the worker gate is asked first', async () => {
    await setGate(db.pool, 'route_worker_enabled', false)
    await setGate(db.pool, 'routes_master_enabled', false)
    expect((await pass(worker)).status).toBe('worker_gate_closed')
  })

  test('an opening that has not expired lets a pass through', async () => {
    await db.pool.query(`SELECT iu_core.fn_iu_gate_set('iu_core.route_worker_enabled', true, 'a test', clock_timestamp() + interval '1 hour')`)
    expect((await pass(worker)).status).toBe('idle')
  })
})

describe('an empty pass', () => {
  test.each([['at the very first', 0], ['after others', 3]])('writes nothing, not even a transaction id (%s)', async (_, events) => {
    for (let i = 0; i < events; i++) await emit(db.pool, 'a')
    await drain(worker, 3)
    const state = 'SELECT c.*, (SELECT count(*) FROM iu_core.iu_route_worker_run) AS runs FROM iu_core.iu_route_worker_cursor AS c'
    const before = (await db.pool.query(state)).rows
    await worker.query('BEGIN')
    expect(await pass(worker)).toEqual({ status: 'idle', ...nothing })
    expect(await ownXid(worker)).toBeNull()
    await worker.query('COMMIT')
    expect((await db.pool.query(state)).rows).toEqual(before)
  })
})

describe('what a pass reads', () => {
  /** The events that one pass of this session looks at, in a transaction that has done `before`. */
  async function read(before?: () => Promise<unknown>): Promise<number> {
    await worker.query('BEGIN')
    await before?.()
    const looked = `SELECT (coalesce(idx_tup_fetch, 0) + seq_tup_read)::integer AS n FROM pg_stat_xact_user_tables WHERE relname = 'event_outbox'`
    const from = (await worker.query<{ n: number }>(looked)).rows[0]!.n
    await pass(worker)
    const to = (await worker.query<{ n: number }>(looked)).rows[0]!.n
    await worker.query('COMMIT')
    return to - from
  }

  test('is what waits, and not what few transactions wrote in bulk before', async () => {
    for (let bulk = 0; bulk < 4; bulk++) {
      await db.pool.query(`SELECT count(id) FROM iu_core.fn_iu_outbox_append('app.plain', 'app_table',
        ARRAY(SELECT 's' || n FROM generate_series(1, 1000) AS n), array_fill('{}'::jsonb, ARRAY[1000])) AS id`)
    }
    await db.pool.query('VACUUM ANALYZE iu_core.event_outbox')
    // Its statements are planned now, by these statistics; it may emit besides.
    worker = await db.connect()
    expect(await drain(worker)).toMatchObject({ passes: 4, seen: 4000 })
    expect(await read()).toBeLessThan(10)
    // One that commits late: it began before the others, and its events have lower ids.
    const late = await db.connect()
    await late.query('BEGIN')
    await emit(late, 'late')
    await emit(db.pool, 'a')
    await drain(worker)
    await late.query('COMMIT')
    expect(await read()).toBeLessThan(10)
    expect(await read(() => emit(worker, 'own'))).toBeLessThan(20)
    await expectWhole(db.pool)
  })
})

describe('a bad call', () => {
  test.each([0, -1, 100_001, null])('batch size %s is refused', async (batch) => {
    expect(await refusal(pass(worker, batch as number))).toEqual({ code: 'IU002', column: 'batch_size' })
  })

  test.each(['nobody', '', null])('worker %j has no cursor', async (code) => {
    expect(await refusal(pass(worker, 1, code as string))).toEqual({ code: 'IU003', column: 'worker_code' })
  })

  test.each(['REPEATABLE READ', 'SERIALIZABLE'])('%s is refused', async (level) => {
    await worker.query(`BEGIN ISOLATION LEVEL ${level}`)
    expect(await refusal(pass(worker))).toMatchObject({ code: 'IU011' })
  })

  test('a role without the right may not run one', async () => {
    for (const role of ['iu_reader', 'iu_emitter', 'iu_console', 'iu_operator']) {
      expect(await db.as(role, client => refusal(pass(client)))).toMatchObject({ code: '42501' })
    }
  })
})

describe('what becomes of an event', () => {
  test('one attempt for each of its routes', async () => {
    const plain = await emit(db.pool, 'a')
    const twice = await emit(db.pool, 'b', {}, 'app.twice')
    expect(await pass(worker)).toEqual({ status: 'routed', seen: 2, attempts_written: 3, skipped: 0, dead_lettered: 0 })
    const { rows: routes } = await db.pool.query<{ route_code: string, id: number }>('SELECT route_code, id FROM iu_core.iu_outbound_route')
    const id = Object.fromEntries(routes.map(row => [row.route_code, row.id]))
    const logged = { attempt_no: 1, status: 'dry_run', failure_code: null, failure_detail: null }
    expect(await attempts()).toEqual([
      { event_id: plain, route_code: 'app.plain.log', ...logged, idempotency_key: `${plain}:${id['app.plain.log']}` },
      { event_id: twice, route_code: 'app.twice.a', ...logged, idempotency_key: `${twice}:${id['app.twice.a']}` },
      { event_id: twice, route_code: 'app.twice.b', ...logged, idempotency_key: `${twice}:${id['app.twice.b']}` },
    ])
    await expectWhole(db.pool)
  })

  test('wanted by no route: one skipped attempt', async () => {
    await emit(db.pool, 'a', {}, 'app.unwanted')
    expect(await pass(worker)).toMatchObject({ attempts_written: 1, skipped: 1, dead_lettered: 0 })
    expect(await attempts()).toMatchObject([{ route_code: '(no route)', status: 'skipped', failure_code: 'no_route' }])
    await expectWhole(db.pool)
  })

  test('its route disabled: one skipped attempt, whatever its payload', async () => {
    await emit(db.pool, 'a', {}, 'app.disabled')
    await db.pool.query(`UPDATE iu_core.iu_outbound_route SET enabled = false WHERE route_code = 'app.strict.log'`)
    await emit(db.pool, 'a', {}, 'app.strict')
    expect(await pass(worker)).toMatchObject({ attempts_written: 2, skipped: 2, dead_lettered: 0 })
    expect(await attempts()).toMatchObject([
      { route_code: 'app.disabled.log', status: 'skipped', failure_code: 'route_disabled' },
      { route_code: 'app.strict.log', status: 'skipped', failure_code: 'route_disabled' },
    ])
    await expectWhole(db.pool)
  })

  test('a payload that breaks its schema: a failed attempt, and a dead letter that says why', async () => {
    const good = await emit(db.pool, 'a', { n: 1 }, 'app.strict')
    const bad = await emit(db.pool, 'b', { n: 0.5, note: 1, x: true }, 'app.strict')
    expect(await pass(worker)).toEqual({ status: 'routed', seen: 2, attempts_written: 2, skipped: 0, dead_lettered: 1 })
    const why = '$.n: want integer, have number; $.n: want at least 1, have 0.5; $.x: not in the schema; $.note: want string, have number'
    expect(await attempts()).toMatchObject([
      { event_id: good, status: 'dry_run' },
      { event_id: bad, status: 'failed', failure_code: 'payload_schema', failure_detail: why },
    ])
    const { rows } = await db.pool.query('SELECT *, event_id::int FROM iu_core.v_iu_route_dead_letter_open')
    expect(rows).toMatchObject([{
      event_id: bad, route_code: 'app.strict.log', attempt_no: 1, failure_code: 'payload_schema', failure_detail: why,
      event_domain: 'application', event_type: 'app.strict', event_subject_table: 'app_table', event_subject_ref: 'b',
      payload: { n: 0.5, note: 1, x: true }, actor: 'db:iu_deployer',
    }])
    await expectWhole(db.pool)
  })

  test('a bad one does not hold up the others of its page', async () => {
    for (let i = 0; i < 20; i++) await emit(db.pool, `s${i}`, i % 4 ? { n: i } : 'bad', 'app.strict')
    expect(await pass(worker)).toMatchObject({ seen: 20, attempts_written: 20, dead_lettered: 5 })
    await expectWhole(db.pool)
  })

  test('of a type that is not registered any more: a failed attempt', async () => {
    await emit(db.pool, 'a', {}, 'app.unwanted')
    await db.pool.query(`DELETE FROM iu_core.iu_event_type WHERE event_type = 'app.unwanted'`)
    expect(await pass(worker)).toMatchObject({ attempts_written: 1, dead_lettered: 1 })
    expect(await attempts()).toMatchObject([{ status: 'failed', failure_code: 'unknown_event_type', failure_detail: 'the type is not registered' }])
    await expectWhole(db.pool)
  })

  test('attempted before on some of its routes: what is missing, and the others of its page as ever', async () => {
    await emit(db.pool, 'first')
    await pass(worker) // a new cursor passes over what has any attempt
    const twice = await emit(db.pool, 'a', {}, 'app.twice')
    await emit(db.pool, 'b', { n: 0 }, 'app.strict')
    await emit(db.pool, 'c', {}, 'app.disabled')
    await emit(db.pool, 'd')
    await db.pool.query(`
      WITH made AS (
        INSERT INTO iu_core.iu_route_attempt (event_id, route_id, status, target_kind, target_ref, worker_code)
        SELECT $1, id, 'dry_run', target_kind, target_ref, $2 FROM iu_core.iu_outbound_route WHERE route_code = 'app.twice.a' RETURNING *)
      SELECT iu_core.fn_iu_route_rollup_add(worker_code, created_at, ARRAY[route_id], ARRAY[status], ARRAY[1]) FROM made`, [twice, WORKER])
    expect(await pass(worker)).toEqual({ status: 'routed', seen: 4, attempts_written: 4, skipped: 1, dead_lettered: 1 })
    expect((await attempts()).slice(1).map(({ route_code, status }) => [route_code, status])).toEqual([
      ['app.twice.a', 'dry_run'], ['app.twice.b', 'dry_run'], ['app.strict.log', 'failed'], ['app.disabled.log', 'skipped'], ['app.plain.log', 'dry_run']])
    await expectWhole(db.pool)
  })

  test('held: nothing, the worker does not see it', async () => {
    await setGate(db.pool, 'routes_master_enabled', false)
    await emit(db.pool, 'a')
    await setGate(db.pool, 'routes_master_enabled', true)
    expect((await pass(worker)).status).toBe('idle')
    expect(await accounting(db.pool)).toMatchObject({ held: 1, not_yet_routed: 0, unexplained: 0 })
  })
})

describe('a live route', () => {
  test.each([
    ['without an approval', null],
    ['with the approval of another definition', '\\x00'],
  ])('cannot be enabled %s', async (_, approval) => {
    await expect(db.pool.query(`UPDATE iu_core.iu_outbound_route SET dry_run = false, approval_digest = $1 WHERE route_code = 'app.plain.log'`, [approval]))
      .rejects.toMatchObject({ code: '23514', constraint: 'iu_outbound_route_safe_chk' })
  })

  test('may stand disabled, and may be enabled with the approval of exactly its definition', async () => {
    await db.pool.query(`UPDATE iu_core.iu_outbound_route SET dry_run = false, enabled = false WHERE route_code = 'app.plain.log'`)
    await expect(db.pool.query(`UPDATE iu_core.iu_outbound_route SET enabled = true WHERE route_code = 'app.plain.log'`)).rejects.toMatchObject({ constraint: 'iu_outbound_route_safe_chk' })
    await db.pool.query(`UPDATE iu_core.iu_outbound_route SET enabled = true, approval_digest = definition_digest WHERE route_code = 'app.plain.log'`)
  })

  test('loses its approval and is a dry run again when its definition changes', async () => {
    await db.pool.query(`UPDATE iu_core.iu_outbound_route SET dry_run = false, approval_digest = definition_digest WHERE route_code = 'app.plain.log'`)
    await db.pool.query('SELECT iu_core.fn_iu_routes_register($1)', [{ 'app.plain.log': { event_type: 'app.plain', target_kind: 'webhook', target_ref: 'https://example.org' } }])
    const { rows } = await db.pool.query(`SELECT enabled, dry_run, approval_digest FROM iu_core.iu_outbound_route WHERE route_code = 'app.plain.log'`)
    expect(rows).toEqual([{ enabled: true, dry_run: true, approval_digest: null }])
  })

  test('fails closed: nothing is sent, each event is dead-lettered, the others go on', () => live(async (client) => {
    await emit(client, 'a')
    await emit(client, 'a', {}, 'app.twice')
    await emit(client, 'a')
    expect(await pass(client)).toEqual({ status: 'routed', seen: 3, attempts_written: 4, skipped: 0, dead_lettered: 2 })
    const { rows } = await client.query(`SELECT route_code, status, failure_code, failure_detail FROM iu_core.v_iu_route_attempt ORDER BY event_id, route_code`)
    const failed = { route_code: 'app.plain.log', status: 'failed', failure_code: 'worker_process_error', failure_detail: expect.stringMatching(/not built.*\(0A000\)/) }
    expect(rows).toEqual([
      failed,
      { route_code: 'app.twice.a', status: 'dry_run', failure_code: null, failure_detail: null },
      { route_code: 'app.twice.b', status: 'dry_run', failure_code: null, failure_detail: null },
      failed,
    ])
    expect((await client.query('SELECT FROM iu_core.v_iu_route_dead_letter_open')).rowCount).toBe(2)
    await expectWhole(client)
  }))

  test('delivers no payload that breaks its schema', () => live(async (client) => {
    await client.query(`UPDATE iu_core.iu_outbound_route SET dry_run = false WHERE route_code = 'app.strict.log'`)
    await emit(client, 'a', { n: 0 }, 'app.strict')
    await emit(client, 'a', { n: 1 }, 'app.strict')
    expect(await pass(client)).toEqual({ status: 'routed', seen: 2, attempts_written: 2, skipped: 0, dead_lettered: 2 })
    const { rows } = await client.query('SELECT failure_code FROM iu_core.v_iu_route_attempt ORDER BY event_id')
    expect(rows).toEqual([{ failure_code: 'payload_schema' }, { failure_code: 'worker_process_error' }])
    await expectWhole(client)
  }))

  test('delivers nothing a second time when the cursor is reset', () => live(async (client) => {
    await client.query(`CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_deliver(p_event_id bigint, p_route_id integer) RETURNS void LANGUAGE sql AS 'INSERT INTO sent VALUES (p_event_id)'`
      .replace('sent', 'pg_temp.sent').replace('CREATE', 'CREATE TEMPORARY TABLE sent (event_id bigint); GRANT ALL ON sent TO PUBLIC; CREATE'))
    await emit(client, 'a')
    expect(await pass(client)).toMatchObject({ attempts_written: 1, dead_lettered: 0 })
    await client.query('SELECT iu_core.fn_iu_cursor_reset($1)', [WORKER])
    expect(await drain(client)).toMatchObject({ attempts: 0 })
    expect((await client.query('SELECT FROM pg_temp.sent')).rowCount).toBe(1)
    await expectWhole(client)
  }))
})

describe('what a pass leaves', () => {
  test('attempts are append-only', async () => {
    await emit(db.pool, 'a')
    await pass(worker)
    for (const change of [`UPDATE iu_core.iu_route_attempt SET status = 'sent'`, 'DELETE FROM iu_core.iu_route_attempt', 'TRUNCATE iu_core.iu_route_attempt']) {
      expect(await refusal(db.pool.query(change))).toMatchObject({ code: 'IU005' })
    }
  })

  test('an attempt number is given once for an event and route', async () => {
    await emit(db.pool, 'a')
    await pass(worker)
    await expect(db.pool.query('INSERT INTO iu_core.iu_route_attempt SELECT * FROM iu_core.iu_route_attempt')).rejects.toMatchObject({ code: '23505' })
  })

  test('roll-ups by hour and over all time that equal a recount, and views that show them', async () => {
    for (let i = 0; i < 5; i++) await emit(db.pool, 'a')
    await emit(db.pool, 'a', {}, 'app.strict')
    await pass(worker, 4)
    await pass(worker, 4)
    await emit(db.pool, 'a', {}, 'app.unwanted')
    await pass(worker)
    await expectRollups(db.pool)
    const { rows: summary } = await db.pool.query('SELECT route_code, status, attempts::int, enabled FROM iu_core.v_iu_route_attempt_summary WHERE status IS NOT NULL ORDER BY 1')
    expect(summary).toEqual([
      { route_code: '(no route)', status: 'skipped', attempts: 1, enabled: null },
      { route_code: 'app.plain.log', status: 'dry_run', attempts: 5, enabled: true },
      { route_code: 'app.strict.log', status: 'failed', attempts: 1, enabled: true },
    ])
    // A route without attempts shows as well.
    expect((await db.pool.query('SELECT FROM iu_core.v_iu_route_attempt_summary WHERE status IS NULL')).rowCount).toBe(16 + 6 - 2)
    const { rows: hourly } = await db.pool.query('SELECT sum(attempts)::int AS attempts FROM iu_core.v_iu_route_attempt_hourly')
    expect(hourly).toEqual([{ attempts: 7 }])
  })

  test('a run for each pass that saw an event', async () => {
    for (let i = 0; i < 5; i++) await emit(db.pool, 'a')
    await emit(db.pool, 'a', {}, 'app.strict')
    await emit(db.pool, 'a', {}, 'app.disabled')
    await drain(worker, 4)
    await pass(worker)
    const { rows } = await db.pool.query('SELECT worker_code, seen, attempts_written, skipped, dead_lettered, run_by, finished_at >= started_at AS lasted FROM iu_core.iu_route_worker_run ORDER BY id')
    const run = { worker_code: WORKER, run_by: 'db:iu_deployer', lasted: true }
    expect(rows).toEqual([
      { ...run, seen: 4, attempts_written: 4, skipped: 0, dead_lettered: 0 },
      { ...run, seen: 3, attempts_written: 3, skipped: 1, dead_lettered: 1 },
    ])
  })

  test('nothing, when its transaction is rolled back', async () => {
    await emit(db.pool, 'a', {}, 'app.strict')
    await worker.query('BEGIN')
    await pass(worker)
    await worker.query('ROLLBACK')
    for (const table of ['iu_route_attempt', 'iu_route_dead_letter', 'iu_route_worker_run', 'iu_route_attempt_rollup']) {
      expect((await db.pool.query(`SELECT FROM iu_core.${table}`)).rowCount).toBe(0)
    }
    expect((await pass(worker)).seen).toBe(1)
  })
})
