import type { Client } from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { waiting } from '../commands/beside.ts'
import type { TestDatabase } from '../harness.ts'
import { drain, emit, expectRollups, expectWhole, openDatabase, pass, type Queryable, refusal, setGate } from '../world.ts'

let db: TestDatabase
let worker: Client
let letter: number
beforeEach(async () => {
  db = await openDatabase()
  worker = await db.connect('iu_worker')
  await emit(db.pool, 'a', {}, 'app.strict')
  await pass(worker)
  letter = Number((await db.pool.query('SELECT id FROM iu_core.iu_route_dead_letter')).rows[0].id)
})
afterEach(() => db.drop())

async function replay(client: Queryable, id: number | null = letter): Promise<{ status: string, decision: string | null, attempt_no: number | null }> {
  return (await client.query('SELECT * FROM iu_core.fn_iu_route_dead_letter_replay($1)', [id])).rows[0]
}

/** Lets the payload meet its schema from now on. */
async function relax(client: Queryable = db.pool): Promise<void> {
  await client.query(`SELECT iu_core.fn_iu_event_types_register('application', 'delayed', false, '{"app.strict": {"description": "relaxed"}}')`)
}

test('fails again while the reason stands, under the next number each time', async () => {
  expect(await replay(worker)).toEqual({ status: 'failed_again', decision: 'failed', attempt_no: 2 })
  expect(await replay(worker)).toEqual({ status: 'failed_again', decision: 'failed', attempt_no: 3 })
  const { rows } = await db.pool.query('SELECT attempt_no, status FROM iu_core.iu_route_attempt ORDER BY 1')
  expect(rows).toEqual([{ attempt_no: 1, status: 'failed' }, { attempt_no: 2, status: 'failed' }, { attempt_no: 3, status: 'failed' }])
  const { rows: letters } = await db.pool.query('SELECT status, attempt_no, resolved_at FROM iu_core.iu_route_dead_letter')
  expect(letters).toEqual([{ status: 'open', attempt_no: 3, resolved_at: null }])
  await expectWhole(db.pool)
})

test('succeeds once the reason is gone, and then has been resolved', async () => {
  await replay(worker)
  await relax()
  expect(await replay(worker)).toEqual({ status: 'replayed', decision: 'dry_run', attempt_no: 3 })
  expect(await replay(worker)).toEqual({ status: 'already_resolved', decision: null, attempt_no: 3 })
  const { rows } = await db.pool.query('SELECT status, resolved_by, resolved_attempt_no, resolved_at IS NOT NULL AS resolved FROM iu_core.iu_route_dead_letter')
  expect(rows).toEqual([{ status: 'replayed', resolved_by: 'db:iu_deployer', resolved_attempt_no: 3, resolved: true }])
  expect((await db.pool.query('SELECT FROM iu_core.v_iu_route_dead_letter_open')).rowCount).toBe(0)
  expect((await drain(worker)).seen).toBe(0)
  await expectWhole(db.pool)
})

test('attempts nothing while the route is disabled', async () => {
  await db.pool.query(`UPDATE iu_core.iu_outbound_route SET enabled = false WHERE route_code = 'app.strict.log'`)
  expect(await replay(worker)).toEqual({ status: 'route_disabled', decision: null, attempt_no: null })
  expect((await db.pool.query('SELECT FROM iu_core.v_iu_route_dead_letter_open')).rowCount).toBe(1)
  expect((await db.pool.query('SELECT FROM iu_core.iu_route_attempt')).rowCount).toBe(1)
})

test.each([
  ['route_worker_enabled', 'worker_gate_closed'],
  ['routes_master_enabled', 'master_gate_closed'],
])('%s closed: %s, and nothing is attempted', async (gate, status) => {
  await setGate(db.pool, gate, false)
  expect(await replay(worker)).toEqual({ status, decision: null, attempt_no: null })
  expect((await db.pool.query('SELECT FROM iu_core.iu_route_attempt')).rowCount).toBe(1)
})

test('concurrent replays of one letter: one succeeds, the other finds it resolved', async () => {
  await relax()
  const other = await db.connect()
  await other.query('BEGIN')
  expect((await replay(other)).status).toBe('replayed')
  const late = replay(worker)
  await waiting(db, 1)
  await other.query('COMMIT')
  expect((await late).status).toBe('already_resolved')
  await expectWhole(db.pool)
})

test('concurrent replays that both fail take one number each', async () => {
  const clients = await Promise.all(Array.from({ length: 6 }, () => db.connect('iu_worker')))
  const results = await Promise.all(clients.map(client => replay(client)))
  expect(results.map(result => result.attempt_no).sort()).toEqual([2, 3, 4, 5, 6, 7])
  await expectWhole(db.pool)
})

test('a replay that is rolled back leaves the letter open', async () => {
  await relax()
  await worker.query('BEGIN')
  expect((await replay(worker)).status).toBe('replayed')
  await worker.query('ROLLBACK')
  expect((await db.pool.query('SELECT FROM iu_core.v_iu_route_dead_letter_open')).rowCount).toBe(1)
  await expectWhole(db.pool)
})

test('an event that no route wanted is attempted by the routes that it has by now, each with a letter of its own where it fails', async () => {
  const register = (types: unknown) => db.pool.query(`SELECT iu_core.fn_iu_event_types_register('application', 'delayed', false, $1)`, [types])
  await register({ 'app.unwanted': { description: 'strict', payload_schema: { type: 'string' } } })
  for (const subject of ['a', 'b']) await emit(db.pool, subject, {}, 'app.unwanted')
  await pass(worker)
  const { rows } = await db.pool.query<{ id: number }>(`SELECT dead_letter_id::int AS id FROM iu_core.v_iu_route_dead_letter_open WHERE event_type = 'app.unwanted' AND route_code = '(no route)' ORDER BY 1`)
  await register({ 'app.unwanted': { description: 'relaxed' } })
  expect(await replay(worker, rows[0]!.id)).toEqual({ status: 'no_route', decision: null, attempt_no: null })
  await register({ 'app.unwanted': { description: 'strict', payload_schema: { type: 'string' } } })
  const route = (enabled: boolean) => ({ event_type: 'app.unwanted', target_kind: 'log', target_ref: 'here', enabled })
  await db.pool.query('SELECT iu_core.fn_iu_routes_register($1)', [{ 'app.unwanted.a': route(true), 'app.unwanted.b': route(true), 'app.unwanted.off': route(false) }])
  expect(await replay(worker, rows[0]!.id)).toEqual({ status: 'failed_again', decision: 'failed', attempt_no: 1 })
  await register({ 'app.unwanted': { description: 'relaxed' } })
  expect(await replay(worker, rows[1]!.id)).toEqual({ status: 'replayed', decision: 'dry_run', attempt_no: 1 })
  const { rows: letters } = await db.pool.query(`
    SELECT event_subject_ref AS subject, route_code AS route, status, resolved_attempt_no AS resolved FROM iu_core.v_iu_route_dead_letter WHERE event_type = 'app.unwanted' ORDER BY dead_letter_id`)
  expect(letters).toEqual([
    { subject: 'a', route: '(no route)', status: 'rerouted', resolved: null }, { subject: 'b', route: '(no route)', status: 'rerouted', resolved: null },
    { subject: 'a', route: 'app.unwanted.a', status: 'open', resolved: null }, { subject: 'a', route: 'app.unwanted.b', status: 'open', resolved: null },
  ])
  const { rows: attempts } = await db.pool.query(`
    SELECT event_subject_ref || ' ' || replace(route_code, 'app.unwanted.', '') || ' ' || coalesce(failure_code, status) AS it FROM iu_core.v_iu_route_attempt WHERE event_type = 'app.unwanted' ORDER BY event_id, route_id`)
  expect(attempts.map(({ it }) => it)).toEqual(['a (no route) payload_schema', 'a a payload_schema', 'a b payload_schema', 'a off route_disabled', 'b (no route) payload_schema', 'b a dry_run', 'b b dry_run', 'b off route_disabled'])
  await expectRollups(db.pool)
})

test.each([0, null])('letter %s does not exist', async (id) => {
  expect(await refusal(replay(worker, id))).toEqual({ code: 'IU003', column: 'dead_letter_id' })
})

test('only a worker may replay', async () => {
  for (const role of ['iu_reader', 'iu_emitter', 'iu_console']) {
    expect(await db.as(role, client => refusal(replay(client)))).toMatchObject({ code: '42501' })
  }
})
