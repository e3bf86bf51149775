/** Commands while drift stands: what a drifted object serves is refused, what shuts or undoes is not. */
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { carry, openDatabase, run } from '../commands/world.ts'
import type { TestDatabase } from '../harness.ts'
import { refusal, setGate } from '../world.ts'
import { drift } from './drift.ts'

const PIECE = { address: 'a/b', kind: 'paragraph', body: 'x' }

let db: TestDatabase
let client: pg.Client
beforeAll(async () => {
  db = await openDatabase()
  client = await db.connect()
})
afterAll(() => db.drop())

/** What a command answers after a change by hand, which is taken back. */
async function after(sql: string, command: string, params: unknown, mode = 'plan', options = {}) {
  await client.query('BEGIN')
  try {
    await client.query(sql)
    return await run(client, command, mode, params, options)
  }
  finally {
    await client.query('ROLLBACK')
  }
}

const DRIFTED = { status: 'refused', code: 'drifted' }

describe('is refused', () => {
  it.each([
    ['its handler', 'ALTER FUNCTION iu_core.dot_iu_create_piece(jsonb, jsonb) COST 7', 'function dot_iu_create_piece(jsonb,jsonb)'],
    ['a function that it calls', 'ALTER FUNCTION iu_core.fn_iu_create(text, text, text, text, text) COST 7', 'function fn_iu_create('],
    ['a table that it writes', 'ALTER TABLE iu_core.unit_version ALTER COLUMN created_by SET DEFAULT current_user', 'table unit_version'],
    ['a trigger of such a table', 'DROP TRIGGER trg_unit_version_append_only ON iu_core.unit_version', 'trigger trg_unit_version_append_only on unit_version'],
    ['a trigger that nobody deployed', 'CREATE TRIGGER extra BEFORE INSERT ON iu_core.information_unit FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()', 'trigger extra on information_unit'],
    ['a trigger that was switched off by hand', 'ALTER TABLE iu_core.information_unit DISABLE TRIGGER trg_iu_out_unit', 'trigger trg_iu_out_unit on information_unit'],
    ['the dispatcher\'s own table', 'GRANT INSERT ON iu_core.dot_iu_command_run TO iu_console', 'table dot_iu_command_run'],
    ['its row in the registry', 'UPDATE iu_core.dot_iu_command SET gates = \'{}\' WHERE command_code = \'dot_iu_create_piece\'', 'command dot_iu_create_piece'],
    ['a gate that was opened by hand', 'UPDATE iu_core.dot_config SET expires_at = \'infinity\' WHERE key = \'iu_core.composer_enabled\'', 'config iu_core.composer_enabled'],
    ['the schema', 'GRANT CREATE ON SCHEMA iu_core TO PUBLIC', 'schema iu_core'],
  ])('by %s', async (_, sql, object) => {
    const answer = await after(sql, 'dot_iu_create_piece', PIECE)
    expect(answer).toMatchObject(DRIFTED)
    expect(answer.detail).toContain(object)
    expect(await after(sql, 'dot_iu_create_piece', PIECE, 'apply')).toMatchObject(DRIFTED)
  })

  it('by what a drifted body no longer says: the inventory tells what it serves', async () => {
    const emptied = `CREATE OR REPLACE FUNCTION iu_core.dot_iu_create_piece(p_params jsonb, p_context jsonb) RETURNS jsonb LANGUAGE sql VOLATILE SECURITY DEFINER
      SET search_path = pg_catalog, iu_core, pg_temp AS 'SELECT jsonb_build_object()'; SELECT iu_core.fn_dot_drift()`
    expect(await after(emptied, 'dot_iu_create_piece', PIECE)).toMatchObject(DRIFTED)
  })

  it('with its reason beside the button, whose name the blocked commands have', async () => {
    await client.query('BEGIN; ALTER FUNCTION iu_core.dot_iu_create_piece(jsonb, jsonb) COST 7')
    const { rows } = await client.query(`SELECT command_code, why FROM iu_core.fn_dot_command_blocked('admin') WHERE code = 'drifted'`)
    await client.query('ROLLBACK')
    expect(rows).toEqual([{ command_code: 'dot_iu_create_piece', why: 'It needs function dot_iu_create_piece(jsonb,jsonb), which is not as it was deployed.' }])
  })
})

describe('is not refused', () => {
  it.each([
    ['a command that it does not serve', 'ALTER FUNCTION iu_core.fn_iu_slug(text) COST 7', 'dot_iu_create_collection', { address: 'c', kind: 'file', title: 'C' }, 'planned'],
    ['an object that serves nothing', 'CREATE VIEW iu_core.v_extra AS SELECT 1 AS one', 'dot_iu_create_piece', PIECE, 'planned'],
    ['closing a gate', 'ALTER FUNCTION iu_core.dot_iu_close_gate(jsonb, jsonb) COST 7', 'dot_iu_close_gate', { gate: 'iu_core.composer_enabled' }, 'planned'],
    ['closing a gate that was opened by hand', 'UPDATE iu_core.dot_config SET value = \'true\' WHERE key = \'iu_core.execution_enabled\'', 'dot_iu_close_gate', { gate: 'iu_core.execution_enabled' }, 'planned'],
    ['disabling a route', 'ALTER TABLE iu_core.iu_outbound_route SET (fillfactor = 50)', 'dot_iu_disable_route', { route: 'iu.split.log' }, 'planned'],
    ['disabling the triggers', 'DROP TRIGGER trg_unit_version_append_only ON iu_core.unit_version', 'dot_iu_disable_triggers', {}, 'planned'],
  ])('%s', async (_, sql, command, params, status) => {
    expect(await after(sql, command, params)).toMatchObject({ status })
  })

  it('undoing', async () => {
    await client.query('BEGIN')
    const made = await carry(client, 'dot_iu_create_piece', PIECE)
    await client.query('ALTER FUNCTION iu_core.dot_iu_soft_delete_piece(jsonb, jsonb) COST 7')
    expect(await run(client, 'dot_iu_create_piece', 'verify', {}, { run: made.run })).toMatchObject({ status: 'verified' })
    const plan = await run(client, 'dot_iu_create_piece', 'plan', {}, { run: made.run })
    expect(plan).toMatchObject({ status: 'planned' })
    expect(await run(client, 'dot_iu_create_piece', 'rollback', {}, { run: made.run, plan: plan.plan_digest, reason: 'a test' })).toMatchObject({ status: 'succeeded' })
    await client.query('ROLLBACK')
  })

  it('what nobody can compare now', async () => {
    expect(await after('DELETE FROM iu_core.dot_inventory', 'dot_iu_create_piece', PIECE)).toMatchObject({ status: 'planned' })
  })
})

describe('the comparison', () => {
  // What guards the schema belongs to a cluster in which other specs make databases meanwhile.
  const known = async () => Object.fromEntries((await db.pool.query<{ part: string, at: string }>('SELECT part, found_at::text AS at FROM iu_core.dot_drift_known WHERE part <> \'guards\'')).rows.map(({ part, at }) => [part, at]))

  it('is made once for as long as nothing changes, and again after a change', async () => {
    await run(db.pool, 'dot_iu_create_piece', 'plan', PIECE)
    const first = await known()
    expect(Object.keys(first).sort()).toEqual(['deployed', 'registered'])
    await run(db.pool, 'dot_iu_create_piece', 'apply', PIECE)
    expect(await known()).toEqual(first)
    await db.pool.query('ALTER FUNCTION iu_core.fn_iu_create(text, text, text, text, text) COST 7')
    expect(await run(db.pool, 'dot_iu_create_piece', 'plan', { ...PIECE, address: 'a/c' })).toMatchObject(DRIFTED)
    expect((await known()).deployed).not.toBe(first.deployed)
    const [statement] = (await drift(db.pool)).map(row => row.statement!)
    await client.query(statement!)
    await client.query('RESET search_path')
    expect(await drift(db.pool)).toEqual([])
    expect(await run(db.pool, 'dot_iu_create_piece', 'plan', { ...PIECE, address: 'a/c' })).toMatchObject({ status: 'planned' })
  })

  it.each([
    ['a gate is switched', () => setGate(db.pool, 'execution_enabled', true)],
    ['a type is registered', () => carry(db.pool, 'dot_iu_register_event_type', { event_type: 'app.x', description: 'x' })],
    ['a route is registered', () => carry(db.pool, 'dot_iu_register_route', { route: 'app.x.log', event_type: 'app.x', target_kind: 'log', target_ref: 'iu_route_attempt' })],
  ])('is only of what commands register and switch where %s', async (_, change) => {
    await run(db.pool, 'dot_iu_create_piece', 'plan', PIECE)
    const before = await known()
    await change()
    await run(db.pool, 'dot_iu_create_piece', 'plan', PIECE)
    const after = await known()
    expect(after.deployed).toBe(before.deployed)
    expect(after.registered).not.toBe(before.registered)
  })

  it.each([
    ['a comment', `COMMENT ON FUNCTION iu_core.dot_iu_create_piece(jsonb, jsonb) IS 'other'`, 'function dot_iu_create_piece'],
    ['a column\'s default', 'ALTER TABLE iu_core.unit_version ALTER COLUMN created_by SET DEFAULT current_user', 'table unit_version'],
    ['a gate', `UPDATE iu_core.dot_config SET expires_at = 'infinity' WHERE key = 'iu_core.composer_enabled'`, 'config iu_core.composer_enabled'],
    ['who serves whom', `UPDATE iu_core.dot_iu_command SET gates = '{}' WHERE command_code = 'dot_iu_create_piece'`, 'command dot_iu_create_piece'],
  ])('knows of %s at once, whatever was known before', async (_, sql, object) => {
    await run(db.pool, 'dot_iu_create_piece', 'plan', PIECE)
    expect((await after(sql, 'dot_iu_create_piece', PIECE)).detail).toContain(object)
  })

  it('is nobody else\'s to ask for', async () => {
    await db.as('iu_console', async (console) => {
      for (const call of ['fn_dot_drift_refused(true)', `fn_dot_drift_served('[]')`, 'fn_dot_stamp()']) expect(await refusal(console.query(`SELECT iu_core.${call}`))).toMatchObject({ code: '42501' })
    })
  })
})
