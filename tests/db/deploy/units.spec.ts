import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deployUnits, planDeploy, planRollback, rollbackUnits } from '../../../server/deploy/index.ts'
import { testDatabase, type TestDatabase } from '../harness.ts'
import type { Queryable } from '../world.ts'
import { NEWEST, unit, UNITS } from './world.ts'

let db: TestDatabase
let client: pg.Client
beforeAll(async () => {
  db = await testDatabase()
  client = await db.connect()
  // So that a unit that makes a temporary table is refused for what it is.
  await client.query(`GRANT TEMPORARY ON DATABASE ${db.name} TO iu_owner`)
})
afterAll(() => db.drop())

/** What a deploy could leave: applied units, and every relation and function of ours or of the test's. */
async function state(on: Queryable): Promise<unknown[]> {
  const { rows } = await on.query(`
    SELECT 'unit', tag FROM iu_deploy.applied_unit
    UNION ALL SELECT 'relation', oid::regclass::text FROM pg_class WHERE relnamespace IN ('iu_core'::regnamespace, 'public'::regnamespace, 'iu_deploy'::regnamespace)
    UNION ALL SELECT 'function', oid::regprocedure::text || md5(prosrc) FROM pg_proc WHERE pronamespace = 'iu_core'::regnamespace ORDER BY 1, 2`)
  return rows
}

describe('a data unit', () => {
  it.each([
    ['a table', 'CREATE TABLE iu_core.x ()'],
    ['a table of another schema', 'CREATE SCHEMA x; CREATE TABLE x.y (z integer); DROP SCHEMA x CASCADE'],
    ['a temporary table', 'CREATE TEMP TABLE x () ON COMMIT DROP'],
    ['a function', 'CREATE FUNCTION iu_core.x() RETURNS int LANGUAGE sql AS \'SELECT 1\''],
    ['a function in place of another', 'CREATE OR REPLACE VIEW iu_core.v_iu_gate AS SELECT * FROM iu_core.v_iu_gate LIMIT 1'],
    ['what a function makes up at run time', 'DO $$ BEGIN EXECUTE format(\'ALTER TABLE iu_core.%I ADD COLUMN x int\', \'dot_config\'); END $$'],
    ['what is in a subtransaction', 'DO $$ BEGIN BEGIN DROP TRIGGER trg_event_outbox_append_only ON iu_core.event_outbox; EXCEPTION WHEN no_data_found THEN NULL; END; END $$'],
    ['a right', 'GRANT SELECT ON iu_core.dot_config TO iu_reader'],
    ['a comment', 'COMMENT ON TABLE iu_core.dot_config IS \'x\''],
    ['a trigger\'s state', 'ALTER TABLE iu_core.event_outbox DISABLE TRIGGER trg_event_outbox_append_only'],
    ['a default', 'ALTER TABLE iu_core.dot_config ALTER COLUMN key SET DEFAULT \'x\''],
    ['an index', 'CREATE INDEX x ON iu_core.dot_config (key)'],
    ['a setting of a function', 'ALTER FUNCTION iu_core.fn_iu_gate_is_open(text) SET work_mem = \'1MB\''],
    ['a setting of a role', 'ALTER DEFAULT PRIVILEGES IN SCHEMA iu_core GRANT SELECT ON TABLES TO iu_reader'],
    ['that empties a table', 'TRUNCATE iu_core.iu_worker_process'],
  ])('with DDL is refused, and nothing of it stays: %s', async (_, migration) => {
    const before = await state(client)
    const data = unit('data', { kind: 'data', migration })
    await expect(deployUnits(client, [...UNITS, data])).rejects.toThrow(/^unit \d{4}_data is a data unit, and changes objects \(it writes pg_\w+/)
    await expect(planDeploy(client, [...UNITS, data])).rejects.toThrow('DDL belongs into a schema unit')
    expect(await state(client)).toEqual(before)
  })

  it('that calls functions, analyses and draws numbers is none', async () => {
    const migration = `SELECT iu_core.fn_iu_vocabulary_register('unit_kind', '{"paragraph": "x"}'), nextval('iu_core.event_outbox_id_seq'); ANALYZE iu_core.iu_vocabulary`
    const data = unit('data', { kind: 'data', migration: migration.replace('unit_kind', 'a_test') })
    await client.query('BEGIN')
    await client.query('CREATE TABLE public.made_before_by_this_session ()')
    await client.query('ROLLBACK')
    expect(await deployUnits(client, [...UNITS, data])).toEqual([data.tag])
    await rollbackUnits(client, [...UNITS, data], NEWEST)
  })
})

describe('a unit merged late', () => {
  it('is named, whatever became of the numbers', async () => {
    const third = unit('third')
    await deployUnits(client, [...UNITS, third])
    const late = unit('late')
    const renumbered = { ...third, number: third.number + 1, tag: `${String(third.number + 1).padStart(4, '0')}_third` }
    const book = `the database has unit ${third.tag}, which this checkout does not have at number ${third.number}`
    await expect(deployUnits(client, [...UNITS, late, renumbered])).rejects.toThrow(`${book}: ${late.tag} was merged late`)
    await expect(deployUnits(client, [...UNITS, late])).rejects.toThrow(`${book}: ${late.tag} stands there`)
    await expect(deployUnits(client, UNITS)).rejects.toThrow(`${book}: the checkout is older than the database`)
    await expect(deployUnits(client, [...UNITS, { ...third, tag: third.tag.replace('third', 'fourth') }])).rejects.toThrow(`it was renamed to ${third.tag.replace('third', 'fourth')}`)
    await rollbackUnits(client, [...UNITS, third], NEWEST)
  })

  it('a hole in the book of units is told', async () => {
    await client.query('BEGIN')
    await client.query('DELETE FROM iu_deploy.applied_unit WHERE number = 3')
    await client.query('COMMIT')
    await expect(deployUnits(client, UNITS)).rejects.toThrow('the database\'s book of units lacks number 3')
    await client.query(`INSERT INTO iu_deploy.applied_unit (number, tag, hash) VALUES (3, $1, $2)`, [UNITS[2]!.tag, UNITS[2]!.hash])
  })
})

describe('--to', () => {
  it('applies up to a unit, and refuses to go back', async () => {
    const units = [...UNITS, unit('one')]
    units.push(unit('two', {}, units))
    expect(await deployUnits(client, units, { to: units.at(-2)!.tag })).toEqual([units.at(-2)!.tag])
    expect(await deployUnits(client, units, { to: units.at(-2)!.tag })).toEqual([])
    await expect(deployUnits(client, units, { to: NEWEST })).rejects.toThrow(`the database is at ${units.at(-2)!.tag} already; iu db rollback --to ${NEWEST}`)
    await expect(deployUnits(client, units, { to: '0099_none' })).rejects.toThrow('this checkout has no such unit')
    expect(await deployUnits(client, units)).toEqual([units.at(-1)!.tag])
    expect(await rollbackUnits(client, units, NEWEST)).toHaveLength(2)
  })
})

describe('a plan of a deploy', () => {
  const first = unit('first', { migration: 'SET LOCAL search_path = public; CREATE TABLE iu_core.x (y integer)', verify: `SELECT 'iu_core.x'::regclass` })
  it('executes everything, probes it, says what was made, and leaves nothing', async () => {
    const second = unit('second', { kind: 'data', migration: `SELECT iu_core.fn_iu_vocabulary_register('a_test', '{"term": "x"}')` }, [...UNITS, first])
    const before = await state(client)
    const plan = await planDeploy(client, [...UNITS, first, second])
    expect(plan.units).toEqual([
      { tag: first.tag, kind: 'schema', changes: [{ change: 'made', class: 'table', identity: 'x' }] },
      { tag: second.tag, kind: 'data', changes: [{ change: 'made', class: 'vocabulary', identity: 'a_test term' }] },
    ])
    expect(plan.probe.map(({ scenario, status }) => [scenario, status])).toEqual([...'ABCDEFGH'].map(scenario => [scenario, 'passed']))
    expect(await state(client)).toEqual(before)
    expect(await planDeploy(client, [...UNITS, first, second], { to: first.tag })).toMatchObject({ units: [{ tag: first.tag }] })
  })

  it('fails as the deploy would: in a verify, or in what is deferred to the commit', async () => {
    const before = await state(client)
    await expect(planDeploy(client, [...UNITS, { ...first, verify: 'SELECT 1 / 0' }])).rejects.toThrow(`unit ${first.tag}, verify: division by zero`)
    const deferred = 'CREATE TABLE iu_core.x (y integer PRIMARY KEY, z integer REFERENCES iu_core.x DEFERRABLE INITIALLY DEFERRED); INSERT INTO iu_core.x VALUES (1, 2)'
    await expect(planDeploy(client, [...UNITS, { ...first, migration: deferred }])).rejects.toMatchObject({ code: '23503' })
    expect(await state(client)).toEqual(before)
  })

  it('tells a probe that fails on what would be deployed', async () => {
    const broken = unit('broken', { migration: `CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_deliver(p_event_id bigint, p_route_id integer) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER
      SET search_path = pg_catalog, iu_core, pg_temp AS $$ BEGIN END $$` })
    const plan = await planDeploy(client, [...UNITS, broken])
    expect(plan.units[0]!.changes).toEqual([{ change: 'changed', class: 'function', identity: 'fn_iu_route_deliver(bigint,integer)' }])
    expect(plan.probe.filter(({ status }) => status === 'failed').map(({ scenario }) => scenario)).toContain('E')
  })
})

describe('a rollback', () => {
  it('that is planned says what it would undo, and changes nothing', async () => {
    const made = unit('made', { migration: 'CREATE TABLE iu_core.x ()', rollback: 'SELECT iu_core.fn_iu_refuse_if_history(\'x\'); DROP TABLE iu_core.x' })
    await deployUnits(client, [...UNITS, made])
    const before = await state(client)
    expect(await planRollback(client, [...UNITS, made], NEWEST)).toEqual({ units: [{ tag: made.tag, changes: [{ change: 'dropped', class: 'table', identity: 'x' }] }], destroys: [] })
    await expect(planRollback(client, [...UNITS, made], '0099_none')).rejects.toThrow('not an applied unit')
    expect(await state(client)).toEqual(before)
    await rollbackUnits(client, [...UNITS, made], NEWEST)
  })

  it('that would destroy history says which tables hold how many rows of it, planned or not', async () => {
    const before = await state(client)
    const kept = unit('kept', { migration: 'CREATE TABLE iu_core.x AS SELECT 1 AS y FROM generate_series(1, 3); CREATE TABLE iu_core.z (y) AS SELECT 1', rollback: `SELECT iu_core.fn_iu_refuse_if_history('x', 'z'); DROP TABLE iu_core.x, iu_core.z` })
    await deployUnits(client, [...UNITS, kept])
    const stake = [{ tag: kept.tag, table: 'x', rows: 3 }, { tag: kept.tag, table: 'z', rows: 1 }]
    expect(await planRollback(client, [...UNITS, kept], NEWEST)).toMatchObject({ destroys: stake })
    await expect(rollbackUnits(client, [...UNITS, kept], NEWEST)).rejects.toMatchObject({ code: 'IU010', detail: `it would destroy 3 rows of x (${kept.tag}), 1 row of z (${kept.tag})` })
    await client.query('TRUNCATE iu_core.x, iu_core.z')
    await rollbackUnits(client, [...UNITS, kept], NEWEST)
    expect(await state(client)).toEqual(before)
  })

  it('that is refused for another reason says so, and goes no further', async () => {
    const older = unit('older', { rollback: `DO $$ BEGIN RAISE EXCEPTION 'events of these types exist' USING ERRCODE = 'IU010', HINT = 'They stay.'; END $$` })
    const units = [...UNITS, older, unit('newer', {}, [...UNITS, older])]
    await deployUnits(client, units)
    const before = await state(client)
    expect(await planRollback(client, units, NEWEST)).toEqual({
      units: [{ tag: units.at(-1)!.tag, changes: [] }], destroys: [], refusal: { tag: older.tag, message: `unit ${older.tag}, rollback: events of these types exist`, hint: 'They stay.' },
    })
    await expect(rollbackUnits(client, units, NEWEST)).rejects.toMatchObject({ code: 'IU010', hint: 'They stay.' })
    expect(await state(client)).toEqual(before)
  })
})
