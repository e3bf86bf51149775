import type pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { testDatabase, type TestDatabase } from '../harness.ts'
import { drift, type Drift, named } from './drift.ts'

let db: TestDatabase
let client: pg.Client
beforeAll(async () => {
  db = await testDatabase()
  client = await db.connect()
})
afterAll(() => db.drop())
beforeEach(() => client.query('BEGIN'))
afterEach(() => client.query('ROLLBACK'))

/** Runs the statements in the order in which they are listed. */
async function repair(found: Drift[]): Promise<void> {
  for (const { class: kind, identity, statement } of found) {
    await client.query(statement!).catch((error: Error) => expect.unreachable(`${kind} ${identity}: ${error.message}\n${statement}`))
  }
}

const SCENES: Record<string, string> = {
  'types and routes inserted by hand': `
    SELECT iu_core.fn_iu_event_types_register('application', 'delayed', false, '{"app.a": {"description": "x"}, "app.b": {"description": "x"}}');
    INSERT INTO iu_core.iu_outbound_route (route_code, event_type, target_kind, target_ref, definition_digest) VALUES ('app.a.log', 'app.a', 'log', 'x', '\\x00'), ('another', 'app.b', 'log', 'x', '\\x00');`,
  'a route turned to a type made by hand': `
    SELECT iu_core.fn_iu_event_types_register('application', 'delayed', false, '{"app.a": {"description": "x"}}');
    UPDATE iu_core.iu_outbound_route SET event_type = 'app.a' WHERE route_code = 'iu.split.log';`,
  'types and routes deleted': `
    DELETE FROM iu_core.iu_outbound_route; DELETE FROM iu_core.iu_event_type WHERE event_type IN ('iu.split', 'iu.merged');`,
  'objects made by hand, upon each other': `
    CREATE TYPE iu_core.colour AS ENUM ('red');
    CREATE SEQUENCE iu_core.a_count;
    CREATE FUNCTION iu_core.z_first() RETURNS bigint LANGUAGE sql AS 'SELECT nextval(''iu_core.a_count'')';
    CREATE TABLE iu_core.b (id bigint PRIMARY KEY DEFAULT iu_core.z_first(), colour iu_core.colour);
    CREATE TABLE iu_core.a (id bigint REFERENCES iu_core.b);
    CREATE TABLE iu_core.c (id bigint PRIMARY KEY, a bigint);
    ALTER TABLE iu_core.b ADD FOREIGN KEY (id) REFERENCES iu_core.c;
    CREATE VIEW iu_core.v_a AS SELECT * FROM iu_core.a;
    CREATE VIEW iu_core.v_b AS SELECT * FROM iu_core.v_a JOIN iu_core.b USING (id);
    CREATE VIEW iu_core."V odd" AS SELECT * FROM iu_core.v_b;
    CREATE VIEW iu_core.v_0 AS SELECT * FROM iu_core."V odd";
    CREATE FUNCTION iu_core.of_a(iu_core.a) RETURNS bigint LANGUAGE sql AS 'SELECT $1.id';
    CREATE FUNCTION iu_core.a_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
    CREATE TRIGGER z_last AFTER INSERT ON iu_core.information_unit FOR EACH ROW EXECUTE FUNCTION iu_core.a_trigger();`,
  'a column and a view and a constraint upon what was made by hand': `
    ALTER TABLE iu_core.iu_relation ADD COLUMN extra text;
    CREATE FUNCTION iu_core.of_text(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
    ALTER TABLE iu_core.iu_relation ADD CHECK (iu_core.of_text(extra));
    CREATE VIEW iu_core.z_view AS SELECT extra FROM iu_core.iu_relation;`,
  'views dropped with all that stands upon them': 'DROP VIEW iu_core.v_iu_route_rule, iu_core.v_iu_gate CASCADE',
  'every view dropped but its own': `
    DO $$ DECLARE r record; BEGIN FOR r IN SELECT relname FROM pg_class WHERE relnamespace = 'iu_core'::regnamespace AND relkind = 'v' AND NOT starts_with(relname, 'v_dot') LOOP
      EXECUTE format('DROP VIEW IF EXISTS iu_core.%I CASCADE', r.relname); END LOOP; END $$`,
  'tables dropped with all that stands upon them': 'DROP TABLE iu_core.unit_version, iu_core.iu_relation CASCADE',
  'a function dropped with what is bound to it': 'DROP FUNCTION iu_core.fn_iu_schema_keys(jsonb) CASCADE',
  'a table renamed': 'ALTER TABLE iu_core.information_unit RENAME TO "Other units"',
  'tables, functions, views, triggers and columns renamed, upon each other': `
    ALTER TABLE iu_core.unit_version RENAME TO versions;
    ALTER TABLE iu_core.iu_collection RENAME TO collections;
    ALTER TABLE iu_core.information_unit RENAME COLUMN title TO called;
    ALTER TABLE iu_core.information_unit RENAME CONSTRAINT information_unit_pkey TO the_key;
    ALTER TRIGGER trg_event_outbox_append_only ON iu_core.event_outbox RENAME TO "An x";
    ALTER FUNCTION iu_core.fn_iu_append_only() RENAME TO fn_no;
    ALTER FUNCTION iu_core.fn_iu_schema_keys(jsonb) RENAME TO keys;
    ALTER VIEW iu_core.v_iu_gate RENAME COLUMN reason TO why;
    ALTER VIEW iu_core.v_iu_gate RENAME TO "V gate";
    ALTER VIEW iu_core.v_iu_unit_axis RENAME TO axes;`,
  'a table renamed beside one like it': `
    CREATE TABLE iu_core.copied (LIKE iu_core.iu_worker_process INCLUDING ALL);
    ALTER TABLE iu_core.iu_worker_process RENAME TO processes;`,
  'triggers\' functions dropped with them': 'DROP FUNCTION iu_core.fn_iu_append_only() CASCADE',
}

describe('the statements that the drift lists, run in its order', () => {
  it.each([...Object.entries(SCENES), ['several of them at once', ['types and routes inserted by hand', 'objects made by hand, upon each other', 'views dropped with all that stands upon them', 'triggers\' functions dropped with them'].map(name => SCENES[name]).join(';')]])('put right: %s', async (_, sql) => {
    await client.query(sql)
    const found = await drift(client)
    expect(found.length).toBeGreaterThan(0)
    await repair(found)
    // A column that is added again comes last, and this one did not stand there: that is for a person, as the statement says.
    expect(named(await drift(client))).toEqual(sql.includes('fn_iu_schema_keys(jsonb) CASCADE') ? ['table iu_event_type changed'] : [])
  })

  it('keep the rows of a table and the values of a column that were renamed', async () => {
    const rows = async () => (await client.query('SELECT (SELECT count(*) FROM iu_core.iu_vocabulary) AS terms, (SELECT count(reason) FROM iu_core.dot_config) AS reasons')).rows
    const before = await rows()
    await client.query('ALTER TABLE iu_core.iu_vocabulary RENAME TO words; ALTER TABLE iu_core.dot_config RENAME COLUMN reason TO why')
    const found = await drift(client)
    expect(found.find(({ identity }) => identity === 'iu_vocabulary')).toMatchObject({ state: 'missing', suggested_action: 'Give table words its name back with the statement.' })
    await repair(found)
    expect(await rows()).toEqual(before)
  })

  it('name a table back that was renamed and altered, and put the rest right after that', async () => {
    await client.query(`ALTER TABLE iu_core.unit_version RENAME TO versions; ALTER TABLE iu_core.versions RENAME COLUMN body TO said; ALTER TABLE iu_core.versions ADD COLUMN more text;
      CREATE TABLE iu_core.another (id bigint, body text)`)
    const found = (await drift(client)).find(({ identity }) => identity === 'unit_version')!
    expect(found.suggested_action).toBe('Give table versions its name back with the statement. It differs in more: then compare again.')
    await client.query(found.statement!)
    expect(await drift(client)).toMatchObject([{ identity: 'another', state: 'unexpected' }, { identity: 'unit_version', state: 'changed' }, { class: 'view' }])
    await repair(await drift(client))
    expect(named(await drift(client))).toEqual([])
  })

  it('say what they cannot put right: a column that is added comes last', async () => {
    await client.query('ALTER TABLE iu_core.iu_relation DROP COLUMN created_at')
    const [first] = await drift(client)
    expect(first!.statement).toContain('ADD COLUMN created_at')
    expect(first!.statement).toMatch(/\n-- then its columns stand in another order: .*$/)
    await client.query(first!.statement!)
    expect(await drift(client)).toMatchObject([{ identity: 'iu_relation', state: 'changed', statement: expect.stringMatching(/^SET [^\n]*\n-- then its columns/) }])
  })
})
