import { afterEach, beforeEach, expect, test } from 'vitest'
import type { TestDatabase } from '../harness.ts'
import { accounting, drain, emit, openDatabase, pass, setGate } from '../world.ts'

let db: TestDatabase
beforeEach(async () => {
  db = await openDatabase()
})
afterEach(() => db.drop())

const none = { events: 0, attempted: 0, held: 0, released: 0, discarded: 0, not_yet_routed: 0, unexplained: 0 }

test('adds up at every step', async () => {
  expect(await accounting(db.pool)).toEqual(none)
  for (let i = 0; i < 5; i++) await emit(db.pool, `s${i}`)
  expect(await accounting(db.pool)).toEqual({ ...none, events: 5, not_yet_routed: 5 })
  await pass(db.pool, 2)
  expect(await accounting(db.pool)).toEqual({ ...none, events: 5, attempted: 2, not_yet_routed: 3 })
  await emit(db.pool, 'a', 'bad', 'app.strict')
  await emit(db.pool, 'a', {}, 'app.unwanted')
  await emit(db.pool, 'a', {}, 'app.disabled')
  expect(await accounting(db.pool)).toEqual({ ...none, events: 8, attempted: 2, not_yet_routed: 6 })
  await drain(db.pool, 2)
  expect(await accounting(db.pool)).toEqual({ ...none, events: 8, attempted: 8 })

  await setGate(db.pool, 'routes_master_enabled', false)
  const [released, discarded] = [await emit(db.pool, 'h1'), await emit(db.pool, 'h2'), await emit(db.pool, 'h3')]
  expect(await accounting(db.pool)).toEqual({ ...none, events: 11, attempted: 8, held: 3 })
  await setGate(db.pool, 'routes_master_enabled', true)
  await db.pool.query(`
    INSERT INTO iu_core.event_outbox (event_domain, event_type, event_subject_table, event_subject_ref, payload, delivery_lane, released_from)
    SELECT event_domain, event_type, event_subject_table, event_subject_ref, payload, 'delayed', id FROM iu_core.event_outbox WHERE id = $1`, [released])
  await db.pool.query(`INSERT INTO iu_core.iu_held_decision (event_id, decision, reason) VALUES ($1, 'discarded', 'a test')`, [discarded])
  expect(await accounting(db.pool)).toEqual({ ...none, events: 12, attempted: 8, held: 1, released: 1, discarded: 1, not_yet_routed: 1 })
  await drain(db.pool)
  expect(await accounting(db.pool)).toEqual({ ...none, events: 12, attempted: 9, held: 1, released: 1, discarded: 1 })
})

test('counts what an open transaction wrote as soon as it is there, and not before', async () => {
  const open = await db.connect()
  await open.query('BEGIN')
  await emit(open, 'a')
  await emit(db.pool, 'b')
  expect(await accounting(db.pool)).toMatchObject({ events: 1, not_yet_routed: 1 })
  await pass(db.pool)
  expect(await accounting(db.pool)).toMatchObject({ events: 1, attempted: 1 })
  expect(await accounting(open)).toMatchObject({ events: 2, attempted: 1, not_yet_routed: 1, unexplained: 0 })
  await open.query('COMMIT')
  expect(await accounting(db.pool)).toMatchObject({ events: 2, attempted: 1, not_yet_routed: 1 })
})

// What the identity is for: each of these is a way to lose an event, and each must show.
test.each([
  ['an event that slipped in behind the cursor', `
    INSERT INTO iu_core.event_outbox (xid, event_domain, event_type, event_subject_table, event_subject_ref, payload, delivery_lane)
    VALUES ('3', 'application', 'app.plain', 'app_table', 'lost', '{}', 'delayed')`],
  ['an attempt that is gone', `
    ALTER TABLE iu_core.iu_route_attempt DISABLE TRIGGER trg_iu_route_attempt_append_only;
    DELETE FROM iu_core.iu_route_attempt WHERE event_id = (SELECT min(id) FROM iu_core.event_outbox)`],
  ['a cursor that jumped ahead', `
    SELECT iu_core.fn_iu_emit_event('app.plain', 'app_table', 'lost', '{}');
    UPDATE iu_core.iu_route_worker_cursor SET snap_from = pg_current_snapshot()`],
  ['a floor that jumped ahead', `
    SELECT iu_core.fn_iu_emit_event('app.plain', 'app_table', 'lost', '{}');
    UPDATE iu_core.iu_route_worker_cursor SET floor_id = 1000000`],
])('shows %s as unexplained', async (_, loss) => {
  await emit(db.pool, 'a')
  await emit(db.pool, 'b')
  await drain(db.pool)
  expect(await accounting(db.pool)).toMatchObject({ unexplained: 0 })
  for (const statement of loss.split(';')) await db.pool.query(statement)
  await drain(db.pool)
  expect(await accounting(db.pool)).toMatchObject({ unexplained: 1, not_yet_routed: 0 })
})
