/** What breaks inside a handler: a failed row, nothing else written, and nothing of it told to the caller. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { TestDatabase } from '../harness.ts'
import { asDeployed, refusal } from '../world.ts'
import { LEDGER, openDatabase, run, tables } from './world.ts'

const MARK = 'a body that nobody else may read'
const CREATE = { address: 'p', kind: 'paragraph', body: MARK, title: 'A title' }

let db: TestDatabase
let original: string
beforeAll(async () => {
  db = await openDatabase()
  await db.pool.query('CREATE FUNCTION public.without_end(n integer) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RETURN public.without_end(n + 1); END $$')
  original = (await db.pool.query<{ sql: string }>(`SELECT pg_get_functiondef('iu_core.dot_iu_create_piece(jsonb, jsonb)'::regprocedure) AS sql`)).rows[0]!.sql
})
beforeEach(() => asDeployed(db.pool, original))
afterAll(() => db.drop())

/** Has dot_iu_create_piece do its work, and then `statement`. */
async function broken(statement: string): Promise<void> {
  await asDeployed(db.pool, `
    CREATE OR REPLACE FUNCTION iu_core.dot_iu_create_piece(p_params jsonb, p_context jsonb) RETURNS jsonb
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, iu_core, pg_temp AS $$
    BEGIN
      PERFORM fn_iu_create(p_params ->> 'address', p_params ->> 'kind', p_params ->> 'body', p_params ->> 'title');
      ${statement}
      RETURN '{}';
    END $$`)
}

/** The columns of a run's row, as one text. */
async function row(id: number): Promise<{ text: string, status: string, fault: { sqlstate: string, message: string } }> {
  const { rows } = await db.pool.query(`SELECT r::text AS text, status, receipt -> 'fault' AS fault FROM iu_core.dot_iu_command_run AS r WHERE id = $1`, [id])
  return rows[0]
}

describe.each(['plan', 'apply'])('a handler that breaks in a %s', (mode) => {
  it.each([
    ['divides by zero', 'PERFORM 1 / 0;', '22012', 'division by zero'],
    ['breaks a constraint, whose message quotes the row',
      `INSERT INTO unit_version (unit_id, version_seq, body, content_digest, byte_length) SELECT id, -1, p_params ->> 'body', '', 0 FROM information_unit WHERE canonical_address = 'p';`, '23514', 'violates check constraint'],
    ['raises with a hint and a detail', `RAISE EXCEPTION 'odd' USING DETAIL = p_params ->> 'body', HINT = p_params ->> 'body', COLUMN = 'body';`, 'P0001', 'odd'],
    ['finds no row', 'DECLARE v integer; BEGIN SELECT 1 INTO STRICT v WHERE false; END;', 'P0002', 'query returned no rows'],
    ['has used up the stack', 'PERFORM public.without_end(1);', '54001', 'stack depth limit exceeded'],
  ])('because it %s leaves a failed row and nothing else', async (_, statement, sqlstate, message) => {
    await broken(statement)
    const before = await tables(db.pool, ...LEDGER)
    const failed = await run(db.pool, 'dot_iu_create_piece', mode, CREATE)
    expect(failed).toMatchObject({ status: 'failed', code: 'internal', mode, detail: 'Something went wrong inside; nothing was changed.' })
    for (const key of ['field', 'hint', 'more', 'errors', 'fault', 'objects', 'events', 'plan_digest', 'inverse']) expect(failed).not.toHaveProperty(key)
    expect(JSON.stringify(failed)).not.toContain(MARK)
    expect(await tables(db.pool, ...LEDGER)).toEqual(before)

    const kept = await row(failed.run)
    expect(kept).toMatchObject({ status: 'failed', fault: { sqlstate, message: expect.stringContaining(message) } })
    expect(kept.text).not.toContain(MARK)
  })
})

it('a failed run is none to verify or undo, and its key and plan may be used again', async () => {
  const plan = await run(db.pool, 'dot_iu_create_piece', 'plan', { ...CREATE, address: 'again' })
  await broken('PERFORM 1 / 0;')
  const options = { key: 'k', plan: plan.plan_digest }
  const failed = await run(db.pool, 'dot_iu_create_piece', 'apply', { ...CREATE, address: 'again' }, options)
  expect(failed.status).toBe('failed')
  for (const mode of ['verify', 'rollback']) expect(await refusal(run(db.pool, 'dot_iu_create_piece', mode, {}, { run: failed.run }))).toEqual({ code: 'IU003', column: 'run' })
  await asDeployed(db.pool, original)
  const applied = await run(db.pool, 'dot_iu_create_piece', 'apply', { ...CREATE, address: 'again' }, options)
  expect(applied).toMatchObject({ status: 'succeeded', plan_run: plan.run })
  expect(applied).not.toHaveProperty('repeated')
})

it('is counted as a failure of its command, and among the newest runs', async () => {
  const failures = async () => (await db.pool.query<{ failed: number, recent: number }>(`SELECT failed, (SELECT h.failed FROM iu_core.v_dot_iu_command_run_health AS h) AS recent
    FROM iu_core.v_dot_iu_command_registry WHERE command_code = 'dot_iu_create_piece'`)).rows[0]!
  const before = await failures()
  await broken('PERFORM 1 / 0;')
  await run(db.pool, 'dot_iu_create_piece', 'apply', { ...CREATE, address: 'counted' })
  expect(await failures()).toEqual({ failed: before.failed + 1, recent: before.recent + 1 })
})

it.each(['40001', '40P01', '55P03'])('%s is raised for the caller to try again, and leaves no row', async (sqlstate) => {
  await broken(`RAISE EXCEPTION 'try again' USING ERRCODE = '${sqlstate}';`)
  const before = await tables(db.pool)
  expect((await refusal(run(db.pool, 'dot_iu_create_piece', 'apply', { ...CREATE, address: 'raised' }, { key: 'retry' }))).code).toBe(sqlstate)
  expect(await tables(db.pool)).toEqual(before)
  await asDeployed(db.pool, original)
  expect(await run(db.pool, 'dot_iu_create_piece', 'apply', { ...CREATE, address: `raised_${sqlstate.toLowerCase()}` }, { key: `retry${sqlstate}` })).toMatchObject({ status: 'succeeded' })
})
