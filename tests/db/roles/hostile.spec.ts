/** Nothing that a session sets, makes, prepares or leaves waiting is run by a function of ours as its owner, or changes what it does. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { carry, openDatabase } from '../commands/world.ts'
import type { TestDatabase } from '../harness.ts'
import { refusal } from '../world.ts'
import { hostile, type Hostile } from './hostile-session.ts'
import { MATRIX, type Role } from './rights.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await openDatabase()
  await carry(db.pool, 'dot_iu_register_event_type', { event_type: 'app.hostile', description: 'H', payload_schema: { type: 'object', required: ['m'], properties: { m: { type: 'string', pattern: '^\\d+$' } } } })
})
afterAll(() => db.drop())

/** Every function that runs as the owner, with a call of nulls; those of the dispatcher's doors are called with what they need below. */
async function definers(): Promise<{ name: string, call: string }[]> {
  const { rows } = await db.pool.query<{ name: string, call: string }>(`
    SELECT p.proname AS name, format('SELECT * FROM iu_core.%I(%s)', p.proname, coalesce(string_agg(
      CASE WHEN p.provariadic <> 0 AND a.n = p.pronargs THEN 'VARIADIC ' ELSE '' END || 'NULL::' || format_type(a.type, NULL), ', ' ORDER BY a.n), '')) AS call
    FROM pg_proc AS p LEFT JOIN unnest(p.proargtypes) WITH ORDINALITY AS a(type, n) ON true
    WHERE p.pronamespace = 'iu_core'::regnamespace AND p.prosecdef AND p.prorettype <> 'trigger'::regtype GROUP BY p.oid ORDER BY 1`)
  return rows
}

/** Calls that go all the way, for the doors that a null stops. */
const CALLS: Record<string, string[]> = {
  fn_dot_command_blocked: [`'operator'`],
  fn_dot_command_run: [`'dot_iu_run_probe', 'apply'`, `'dot_iu_close_gate', 'plan', '{"gate": "iu_core.composer_enabled"}'`, `'dot_iu_no', 'apply'`],
  fn_dot_compare: [''],
  fn_dot_drift: [''],
  fn_dot_history_seal: ['1000'],
  fn_dot_history_verify: [''],
  fn_dot_ledger_seal: ['1000'],
  fn_dot_ledger_verify: [''],
  fn_iu_archive_content: ['clock_timestamp(), 0, NULL, 10'],
  fn_iu_archive_forecast: ['clock_timestamp()'],
  fn_iu_collection_findings: ['1'],
  fn_iu_collection_manifest_text: ['1'],
  fn_iu_console_beat: [`gen_random_uuid(), 'h', 1, 'u', 'd'`],
  fn_iu_console_leave: ['gen_random_uuid()'],
  fn_iu_import_unchanged: [`ARRAY['a.md'], ARRAY[repeat('0', 64)], NULL`],
  fn_iu_emit_event: [`'app.hostile', 't', 's', '{"n": 1}'`],
  fn_iu_event_account: [''],
  fn_iu_event_audit: [''],
  fn_iu_event_pending: ['100'],
  fn_iu_event_standing: [''],
  fn_iu_export_begin: [`'h', '/f'`],
  fn_iu_gate_is_open: [`'iu_core.composer_enabled'`],
  fn_iu_gate_state: [`'iu_core.composer_enabled'`],
  fn_iu_probe_left: [`'{}'`],
  fn_iu_replay_step: ['10'],
  fn_iu_route_attempt_count: ['NULL, NULL, NULL, 100'],
  fn_iu_route_attempt_find: ['NULL, NULL, NULL, false, NULL, NULL, NULL, 10'],
  fn_iu_route_dead_letter_replay: ['1'],
  fn_iu_route_worker_health: [`'iu_outbound_default'`],
  fn_iu_route_worker_run: [`'iu_outbound_default', 100`],
  fn_iu_route_workers_health: [''],
  fn_iu_session_check: [`'ius_no'`],
  fn_iu_sign_in: [`'walker', '\\x00', 'c'`],
  fn_iu_sign_in_salt: [`'walker'`],
  fn_iu_sign_out: [`'ius_no'`],
  fn_iu_worker_beat: [`gen_random_uuid(), 'worker', 'iu_outbound_default', 'h', 1, 'idle', 0`],
  fn_iu_worker_leave: ['gen_random_uuid()'],
}
const NOTHING_MORE = new Set(['fn_iu_contract', 'fn_iu_export_forget', 'fn_iu_export_intend', 'fn_iu_export_lose', 'fn_iu_export_record', 'fn_iu_sync_layers', 'fn_iu_system_identifier', 'fn_iu_worker_plan', 'fn_iu_works'])

/** In an outer query whose own events are still to fire; by a cursor; prepared; under a savepoint. */
const WAYS: ((call: string) => string)[] = [
  call => call,
  call => call.replace(/^SELECT \* FROM/, 'INSERT INTO pg_temp.waiting_0 SELECT 2, 1000 FROM'),
  call => `DECLARE c CURSOR FOR ${call}; FETCH ALL FROM c`,
  call => `PREPARE p AS ${call}; SAVEPOINT s; SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED; EXECUTE p`,
]

describe.each(['iu_console', 'iu_reader', 'iu_emitter', 'iu_worker', 'iu_operator', 'iu_approver'] satisfies Role[])('a member of %s', (role) => {
  let session: Hostile
  beforeAll(async () => {
    session = await hostile(db, role)
  })
  afterAll(() => session.drop())

  it('has its own code run by nobody else, whichever function it calls, in whichever way', { timeout: 600_000 }, async () => {
    const functions = await definers()
    expect(functions.length).toBeGreaterThan(150)
    const known = new Set([...Object.keys(CALLS), ...NOTHING_MORE])
    expect(functions.filter(({ name }) => MATRIX[role].calls.includes(name) && !known.has(name)), 'a call for each that it may call').toEqual([])
    const seen: string[] = []
    let n = 0
    for (const { name, call } of functions) {
      const calls = MATRIX[role].calls.includes(name) ? [call, ...(CALLS[name] ?? []).map(args => `SELECT * FROM iu_core.${name}(${args})`)] : [call]
      for (const it of calls) {
        // The dispatcher in every way, the others in one after the other.
        for (const way of name === 'fn_dot_command_run' ? WAYS : [WAYS[n++ % WAYS.length]!]) {
          await session.client.query('DEALLOCATE ALL')
          await session.waiting.query(way(it)).catch(() => {})
          if (await session.caught()) seen.push(way(it))
        }
      }
    }
    expect(seen).toEqual([])
  })

  it('sees that its traps work: run by the owner they would have been counted', async () => {
    await session.client.query(`CREATE FUNCTION pg_temp.as_itself() RETURNS boolean LANGUAGE sql SECURITY DEFINER AS 'SELECT pg_temp.spy()'`)
    expect(await session.caught()).toBe(0)
    const { rows: [schema] } = await session.client.query<{ name: string }>(`SELECT pg_my_temp_schema()::regnamespace::text AS name`)
    await db.pool.query(`ALTER FUNCTION ${schema!.name.replaceAll('"', '')}.as_itself() OWNER TO iu_owner`)
    await session.client.query('SELECT pg_temp.as_itself()')
    expect(await session.caught()).toBe(1)
  })
})

describe('what PUBLIC has in this database', () => {
  it('is no connection, no temporary table, no large object, no lock and nothing in the schema public', async () => {
    const stranger = await hostile(db, 'iu_operator', { settings: {}, shadowing: false })
    const { rows } = await db.pool.query<{ sql: string }>(`
      SELECT format('SELECT %I(%s) FROM (SELECT %s OFFSET 0) AS given', p.proname, string_agg('a' || a.n, ', ' ORDER BY a.n),
        coalesce(string_agg(format('NULL::%s AS a%s', format_type(a.type, NULL), a.n), ', ' ORDER BY a.n) FILTER (WHERE a.n IS NOT NULL), '1')) AS sql
      FROM pg_proc AS p LEFT JOIN unnest(p.proargtypes) WITH ORDINALITY AS a(type, n) ON true
      WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname ~ '^(pg_(try_)?advisory_|pg_logical_emit_message|lo_|loread|lowrite)' GROUP BY p.oid`)
    expect(rows.length).toBeGreaterThan(40)
    for (const { sql } of [...rows, { sql: 'CREATE TABLE public.x ()' }]) expect((await refusal(stranger.client.query(sql))).code, sql).toBe('42501')
    await db.pool.query(`REVOKE TEMPORARY ON DATABASE ${db.name} FROM ${stranger.member.name}`)
    const again = await stranger.member.login()
    for (const sql of ['CREATE TEMP TABLE t ()', 'CREATE FUNCTION pg_temp.f() RETURNS integer LANGUAGE sql RETURN 1', 'CREATE TEMP SEQUENCE s', 'CREATE SCHEMA s']) {
      expect((await refusal(again.query(sql))).code, sql).toBe('42501')
    }
    await stranger.drop()
    expect((await db.pool.query(`SELECT has_database_privilege('public', current_database(), 'CONNECT') AS connect, has_database_privilege('public', current_database(), 'TEMPORARY') AS temporary`)).rows)
      .toEqual([{ connect: false, temporary: false }])
  })
})

it('a setting that would let somebody past the triggers is refused', async () => {
  const session = await hostile(db, 'iu_operator', { settings: {}, shadowing: false })
  for (const setting of ['session_replication_role = replica', 'lc_messages = \'C\'', 'track_counts = off', 'plpgsql.variable_conflict = use_column']) {
    expect((await refusal(session.client.query(`SET ${setting}`))).code, setting).toBe('42501')
  }
  await session.drop()
})
