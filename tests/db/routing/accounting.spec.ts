import { afterEach, beforeEach, expect, test } from 'vitest'
import type { TestDatabase } from '../harness.ts'
import { accounting, audit, drain, emit, expectBlocks, openDatabase, ownXid, pass, setGate, WORKER } from '../world.ts'

let db: TestDatabase
beforeEach(async () => {
  db = await openDatabase()
})
afterEach(() => db.drop())

const none = { events: 0, attempted: 0, held: 0, released: 0, discarded: 0, archived: 0, not_yet_routed: 0, unexplained: 0 }

test.each([['not audited', 0], ['audited one by one', 1], ['audited at once', 1000]])('adds up at every step, %s', async (_, limit) => {
  const account = async () => {
    if (limit > 0) await audit(db.pool, limit)
    return accounting(db.pool)
  }
  expect(await account()).toEqual(none)
  for (let i = 0; i < 5; i++) await emit(db.pool, `s${i}`)
  expect(await account()).toEqual({ ...none, events: 5, not_yet_routed: 5 })
  await pass(db.pool, 2)
  expect(await account()).toEqual({ ...none, events: 5, attempted: 2, not_yet_routed: 3 })
  await emit(db.pool, 'a', 'bad', 'app.strict')
  await emit(db.pool, 'a', {}, 'app.unwanted')
  await emit(db.pool, 'a', {}, 'app.disabled')
  expect(await account()).toEqual({ ...none, events: 8, attempted: 2, not_yet_routed: 6 })
  await drain(db.pool, 2)
  expect(await account()).toEqual({ ...none, events: 8, attempted: 8 })

  await setGate(db.pool, 'routes_master_enabled', false)
  const [released, discarded] = [await emit(db.pool, 'h1'), await emit(db.pool, 'h2'), await emit(db.pool, 'h3')]
  expect(await account()).toEqual({ ...none, events: 11, attempted: 8, held: 3 })
  await setGate(db.pool, 'routes_master_enabled', true)
  await db.pool.query(`
    INSERT INTO iu_core.event_outbox (event_domain, event_type, event_subject_table, event_subject_ref, payload, delivery_lane, released_from)
    SELECT event_domain, event_type, event_subject_table, event_subject_ref, payload, 'delayed', id FROM iu_core.event_outbox WHERE id = $1`, [released])
  await db.pool.query(`INSERT INTO iu_core.iu_held_decision (event_id, decision, reason) VALUES ($1, 'discarded', 'a test')`, [discarded])
  expect(await account()).toEqual({ ...none, events: 12, attempted: 8, held: 1, released: 1, discarded: 1, not_yet_routed: 1 })
  await drain(db.pool)
  expect(await account()).toEqual({ ...none, events: 12, attempted: 9, held: 1, released: 1, discarded: 1 })
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

test('the audit goes by what is open and what waits, and comes back to it', async () => {
  const late = await db.connect()
  await late.query('BEGIN')
  await emit(late, 'a')
  await emit(late, 'b', {}, 'app.twice')
  const xid = await ownXid(late)
  await emit(db.pool, 'c')
  await emit(db.pool, 'd')
  await pass(db.pool, 1)
  expect(await audit(db.pool)).toBe(1)
  const { rows: [state] } = await db.pool.query(`SELECT through_id::int, attempted::int, (SELECT array_agg(event_id::int) FROM iu_core.iu_event_audit_open) AS open,
    (SELECT through_id::int FROM iu_core.iu_event_audit_late WHERE xid = $1::xid8) AS late FROM iu_core.iu_event_audit`, [xid])
  expect(state).toEqual({ through_id: 4, attempted: 1, open: [4], late: 4 })
  expect(await accounting(db.pool)).toMatchObject({ events: 2, attempted: 1, not_yet_routed: 1 })
  await drain(db.pool)
  expect(await audit(db.pool)).toBe(1)
  await late.query('COMMIT')
  expect(await accounting(db.pool)).toMatchObject({ events: 4, attempted: 2, not_yet_routed: 2 })
  expect(await audit(db.pool)).toBe(0)
  await drain(db.pool)
  expect(await audit(db.pool)).toBe(2)
  expect(await accounting(db.pool)).toMatchObject({ events: 4, attempted: 4 })
  await expectBlocks(db.pool)
  const { rows: [left] } = await db.pool.query('SELECT (SELECT count(*) FROM iu_core.iu_event_audit_open)::int AS open, (SELECT count(*) FROM iu_core.iu_event_audit_late WHERE xid = $1::xid8)::int AS late', [xid])
  expect(left).toEqual({ open: 0, late: 0 })
})

test('the audit remembers no more than a thousand that wait, and stops before the next', async () => {
  await db.pool.query(`SELECT iu_core.fn_iu_emit_event('app.plain', 'app_table', 's' || n, '{}') FROM generate_series(1, 1200) AS n`)
  await audit(db.pool)
  const { rows: [state] } = await db.pool.query('SELECT through_id::int, (SELECT count(*)::int FROM iu_core.iu_event_audit_open) AS open FROM iu_core.iu_event_audit')
  expect(state).toEqual({ through_id: 1000, open: 1000 })
  expect(await accounting(db.pool)).toMatchObject({ events: 1200, not_yet_routed: 1200 })
  const { rows: [page] } = await db.pool.query('SELECT events::int, not_yet_routed::int, is_exact FROM iu_core.fn_iu_event_account(1100)')
  expect(page).toEqual({ events: 1100, not_yet_routed: 1100, is_exact: false })
  await drain(db.pool)
  expect(await audit(db.pool)).toBe(1200)
  expect(await accounting(db.pool)).toMatchObject({ events: 1200, attempted: 1200 })
})

test('the audit goes on when a late transaction leaves it more than it would remember', async () => {
  const late = await db.connect()
  await late.query('BEGIN')
  await late.query(`SELECT iu_core.fn_iu_outbox_append('app.plain', 'app_table', array_agg('s' || n), array_agg('{}'::jsonb)) FROM generate_series(1, 1200) AS n`)
  await emit(db.pool, 'a')
  await drain(db.pool)
  expect(await audit(db.pool)).toBe(1)
  await late.query('COMMIT')
  expect(await audit(db.pool)).toBe(0)
  expect((await db.pool.query('SELECT FROM iu_core.iu_event_audit_open')).rowCount).toBe(1200)
  await emit(db.pool, 'b')
  expect(await audit(db.pool)).toBe(0)
  await drain(db.pool)
  expect(await audit(db.pool)).toBe(1201)
  expect(await accounting(db.pool)).toMatchObject({ events: 1202, attempted: 1202, not_yet_routed: 0, unexplained: 0 })
})

test('the audit begins anew when a cursor reads everything once more, and in another cluster', async () => {
  for (const subject of ['a', 'b', 'c']) await emit(db.pool, subject)
  await drain(db.pool)
  expect(await audit(db.pool)).toBe(3)
  await db.pool.query('SELECT iu_core.fn_iu_cursor_reset($1)', [WORKER])
  await db.pool.query(`SELECT iu_core.fn_iu_routes_register('{"app.plain.second": {"event_type": "app.plain", "target_kind": "log", "target_ref": "x", "enabled": true}}')`)
  // What has an attempt is settled when the worker has gone by it again, and not before.
  expect(await audit(db.pool)).toBe(0)
  expect(await accounting(db.pool)).toMatchObject({ events: 3, attempted: 3 })
  await drain(db.pool)
  expect(await audit(db.pool)).toBe(3)
  await expectBlocks(db.pool)
  await db.pool.query('UPDATE iu_core.iu_event_audit SET system_identifier = 1, attempted = 77')
  expect(await audit(db.pool)).toBe(3)
  expect(await accounting(db.pool)).toMatchObject({ events: 3, attempted: 3 })
  await expectBlocks(db.pool)
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
