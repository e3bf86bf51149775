/** What guards the schema from outside it: each change by hand is found and named, and its statements put it back. */
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { refusal } from '../world.ts'
import { type Cluster, openCluster } from './cluster.ts'
import { conformance, drift, named } from './drift.ts'

let cluster: Cluster
let client: pg.Client
beforeAll(async () => {
  cluster = await openCluster()
  client = await cluster.deployed('guarded')
  await client.query(`
    CREATE ROLE mallory LOGIN; CREATE ROLE people NOLOGIN; CREATE ROLE anna LOGIN IN ROLE people;
    CREATE SCHEMA app; CREATE TABLE app.own (id bigint); CREATE TABLE app.parent (LIKE iu_core.iu_relation);
    CREATE FUNCTION app.does_nothing() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
    CREATE FUNCTION app.of_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`)
}, 600_000)
afterAll(() => cluster.stop())

/** What stands in no transaction is run statement by statement. */
const statements = (sql: string): string[] => sql.startsWith('ALTER SYSTEM') ? sql.split(/;\s/) : [sql]

type Scene = [what: string, sql: string, found: string[], after?: string]
const SCENES: Scene[] = [
  ['the owner\'s role granted to the console', 'GRANT iu_owner TO iu_console', ['principal member iu_console of iu_owner unexpected']],
  ['a new login that approves', 'CREATE ROLE eve LOGIN IN ROLE iu_approver', ['principal member eve of iu_approver unexpected'], 'DROP ROLE eve'],
  ['a login that owns, and may pass it on', 'GRANT iu_owner TO mallory WITH ADMIN OPTION', ['principal member mallory of iu_owner unexpected']],
  ['a group that approves', 'GRANT iu_approver TO people', ['principal member anna of iu_approver unexpected', 'principal member people of iu_approver unexpected']],
  ['a membership granted by another', 'GRANT iu_approver TO mallory WITH ADMIN OPTION; SET ROLE mallory; GRANT iu_approver TO anna; RESET ROLE', ['principal member anna of iu_approver unexpected', 'principal member mallory of iu_approver unexpected']],
  ['a membership that may be passed on', 'GRANT iu_reader TO iu_console WITH ADMIN OPTION', ['principal member iu_console of iu_reader changed']],
  ['a membership taken away', 'REVOKE iu_reader FROM iu_console', ['principal member iu_console of iu_reader missing']],
  ['a role of ours in a group', 'GRANT people TO iu_console; GRANT pg_read_all_data TO people', ['principal member anna of pg_read_all_data unexpected', 'principal member iu_console of people unexpected', 'principal member people of pg_read_all_data unexpected']],
  ['a role of ours that reads everything', 'GRANT pg_read_all_data TO iu_reader', ['principal member iu_reader of pg_read_all_data unexpected']],
  ['a login that writes every table', 'GRANT pg_write_all_data TO mallory', ['principal member mallory of pg_write_all_data unexpected']],
  ['the console a superuser', 'ALTER ROLE iu_console SUPERUSER', ['principal role iu_console changed']],
  ['the worker past row security', 'ALTER ROLE iu_worker BYPASSRLS', ['principal role iu_worker changed']],
  ['the owner a login that makes roles', 'ALTER ROLE iu_owner LOGIN CREATEROLE', ['principal role iu_owner changed']],
  ['a role of ours renamed', 'ALTER ROLE iu_emitter RENAME TO iu_other', ['function fn_iu_emit_event(text,text,text,jsonb,text) changed', 'principal rights of iu_emitter on the database missing', 'principal rights of iu_other on the database unexpected', 'principal role iu_emitter missing', 'schema iu_core changed'], 'DROP ROLE iu_other'],
  ['a member a superuser', 'GRANT iu_operator TO mallory; ALTER ROLE mallory SUPERUSER REPLICATION', ['principal member mallory of iu_operator unexpected', 'principal role mallory unexpected']],
  ['a setting of the database', `ALTER DATABASE guarded SET session_replication_role = 'replica'; ALTER DATABASE guarded SET search_path = public, pg_temp`, ['principal setting search_path of the database unexpected', 'principal setting session_replication_role of the database unexpected']],
  ['settings of roles', `ALTER ROLE iu_console SET search_path = mine, iu_core; ALTER ROLE iu_worker IN DATABASE guarded SET row_security = off; ALTER ROLE ALL SET session_replication_role = 'replica'`, ['principal setting row_security of role iu_worker in the database unexpected', 'principal setting search_path of role iu_console unexpected', 'principal setting session_replication_role of all roles unexpected']],
  ['settings of the server', `ALTER SYSTEM SET fsync = off; ALTER SYSTEM SET synchronous_commit = off; ALTER SYSTEM SET session_replication_role = 'replica'; SELECT pg_reload_conf()`, ['principal setting fsync of the server unexpected', 'principal setting session_replication_role of the server unexpected', 'principal setting synchronous_commit of the server unexpected']],
  ['another owner of the database', 'ALTER DATABASE guarded OWNER TO mallory', ['principal owner of the database changed']],
  ['rights on the database', 'GRANT CREATE ON DATABASE guarded TO PUBLIC; GRANT TEMPORARY ON DATABASE guarded TO mallory WITH GRANT OPTION; SET ROLE mallory; GRANT TEMPORARY ON DATABASE guarded TO anna; RESET ROLE; REVOKE CREATE ON DATABASE guarded FROM iu_owner',
    ['principal rights of PUBLIC on the database unexpected', 'principal rights of anna on the database unexpected', 'principal rights of iu_owner on the database changed', 'principal rights of mallory on the database unexpected']],
  ['what PUBLIC had', 'GRANT TEMPORARY ON DATABASE guarded TO PUBLIC; GRANT EXECUTE ON FUNCTION pg_advisory_lock(bigint) TO PUBLIC; GRANT CREATE ON SCHEMA public TO PUBLIC', ['principal rights of PUBLIC on function pg_advisory_lock(bigint) unexpected', 'principal rights of PUBLIC on schema public unexpected', 'principal rights of PUBLIC on the database unexpected']],
  ['a right to make something in pg_catalog', 'GRANT CREATE ON SCHEMA pg_catalog TO iu_emitter; GRANT CREATE ON SCHEMA pg_catalog TO mallory', ['principal rights of iu_emitter on schema pg_catalog unexpected', 'principal rights of mallory on schema pg_catalog unexpected']],
  ['rights on functions and tables of PostgreSQL', 'GRANT EXECUTE ON FUNCTION pg_read_binary_file(text) TO iu_reader; GRANT SELECT ON pg_authid TO iu_emitter; GRANT EXECUTE ON FUNCTION pg_advisory_lock(bigint) TO iu_operator; GRANT EXECUTE ON FUNCTION pg_reload_conf() TO PUBLIC',
    ['principal rights of PUBLIC on function pg_catalog.pg_reload_conf() unexpected', 'principal rights of iu_emitter on table pg_catalog.pg_authid unexpected', 'principal rights of iu_operator on function pg_catalog.pg_advisory_lock(bigint) unexpected', 'principal rights of iu_reader on function pg_catalog.pg_read_binary_file(text) unexpected']],
  ['what comes before ours', `CREATE FUNCTION pg_catalog.stranger() RETURNS text LANGUAGE sql AS 'SELECT ''admin''::text'; CREATE CAST (text AS integer) WITH INOUT AS IMPLICIT`,
    ['principal cast (pg_catalog.text AS integer) unexpected', 'principal function pg_catalog.stranger() unexpected']],
  ['a function of the owner elsewhere', `CREATE FUNCTION app.runs(q text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN EXECUTE q; END'; ALTER FUNCTION app.runs(text) OWNER TO iu_owner`, ['principal function app.runs(pg_catalog.text) unexpected']],
  ['a right on a setting', 'GRANT SET ON PARAMETER session_replication_role TO iu_operator', ['principal rights of iu_operator on parameter session_replication_role unexpected']],
  ['another owner of the schema', 'ALTER SCHEMA iu_core OWNER TO mallory', ['schema iu_core changed']],
  ['the schema opened to PUBLIC', 'GRANT CREATE, USAGE ON SCHEMA iu_core TO PUBLIC', ['schema iu_core changed']],
  ['default privileges of the owner', 'ALTER DEFAULT PRIVILEGES FOR ROLE iu_owner GRANT SELECT, INSERT ON TABLES TO mallory', ['principal default privileges of iu_owner on TABLES unexpected']],
  ['default privileges in the schema', 'ALTER DEFAULT PRIVILEGES FOR ROLE iu_owner IN SCHEMA iu_core GRANT SELECT ON TABLES TO mallory', ['other default privileges of iu_owner on r unexpected']],
  ['publications', 'CREATE PUBLICATION everything FOR ALL TABLES; CREATE PUBLICATION "One" FOR TABLE iu_core.event_outbox, app.own; CREATE PUBLICATION whole FOR TABLES IN SCHEMA iu_core', ['principal publication "One" unexpected', 'principal publication everything unexpected', 'principal publication whole unexpected'], 'DROP PUBLICATION "One"; DROP PUBLICATION whole'],
  ['a subscription', `CREATE SUBSCRIPTION elsewhere CONNECTION 'dbname=nowhere' PUBLICATION p WITH (connect = false)`, ['principal subscription elsewhere unexpected']],
  ['a slot that reads every change', `SELECT pg_create_logical_replication_slot('reads', 'pgoutput')`, ['principal replication slot reads unexpected']],
  ['an event trigger', 'CREATE EVENT TRIGGER "Looks on" ON ddl_command_start EXECUTE FUNCTION app.does_nothing()', ['principal event trigger "Looks on" unexpected']],
  ['views upon ours, and upon these', 'CREATE VIEW app.v AS SELECT * FROM iu_core.dot_iu_command_run; GRANT SELECT ON app.v TO PUBLIC; CREATE VIEW app.w AS SELECT 1 AS one FROM app.v; CREATE MATERIALIZED VIEW app.m AS SELECT id FROM iu_core.event_outbox',
    ['principal materialized view app.m unexpected', 'principal view app.v unexpected', 'principal view app.w unexpected']],
  ['functions with their owner\'s rights', `CREATE FUNCTION app.erase() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN EXECUTE format(''DELETE FROM %I.%I'', ''iu_core'', ''event_outbox''); END'; CREATE PROCEDURE app.erase_more() LANGUAGE sql SECURITY DEFINER SET search_path = iu_core AS 'DELETE FROM event_outbox'; CREATE FUNCTION app.counts() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM iu_core.event_outbox; END`,
    ['principal function app.counts() unexpected', 'principal function app.erase() unexpected', 'principal procedure app.erase_more() unexpected']],
  ['a key of another table', 'CREATE TABLE app.keyed (id bigint REFERENCES iu_core.event_outbox)', ['principal table constraint keyed_id_fkey on app.keyed unexpected'], 'DROP TABLE app.keyed'],
  ['a rule, a trigger, a policy and a default of another table', 'CREATE RULE r AS ON INSERT TO app.own DO ALSO DELETE FROM iu_core.dot_iu_acting; CREATE TRIGGER t BEFORE UPDATE ON app.own FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_append_only(); CREATE POLICY p ON app.own USING (EXISTS (SELECT FROM iu_core.event_outbox)); ALTER TABLE app.own ADD COLUMN slug text DEFAULT iu_core.fn_iu_slug(current_user)',
    ['principal default value for app.own.slug unexpected', 'principal policy p on app.own unexpected', 'principal rule r on app.own unexpected', 'principal trigger t on app.own unexpected'], 'ALTER TABLE app.own DROP COLUMN slug'],
  ['a child of ours', 'CREATE TABLE app.child () INHERITS (iu_core.event_outbox)', ['principal child app.child of event_outbox unexpected'], 'DROP TABLE app.child'],
  ['a parent of ours', 'ALTER TABLE iu_core.iu_relation INHERIT app.parent', ['table iu_relation changed']],
  ['ours a partition of another', 'CREATE TABLE app.parts (LIKE iu_core.dot_config) PARTITION BY LIST (key); ALTER TABLE app.parts ATTACH PARTITION iu_core.dot_config DEFAULT', ['table dot_config changed'], 'DROP TABLE app.parts'],
  ['a trigger of others on ours', 'CREATE TRIGGER t BEFORE INSERT ON iu_core.event_outbox FOR EACH ROW EXECUTE FUNCTION app.of_row()', ['trigger t on event_outbox unexpected']],
  ['a cast of ours', 'CREATE FUNCTION app.from_text(text) RETURNS iu_core.dot_config LANGUAGE sql AS \'SELECT NULL::iu_core.dot_config\'; CREATE CAST (text AS iu_core.dot_config) WITH FUNCTION app.from_text(text)', ['principal cast (pg_catalog.text AS iu_core.dot_config) unexpected', 'principal function app.from_text(pg_catalog.text) unexpected']],
  ['a foreign table', `CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE app.far (id bigint) SERVER s OPTIONS (schema_name 'iu_core', table_name 'event_outbox')`, ['principal foreign table app.far unexpected'], 'DROP FOREIGN DATA WRAPPER w CASCADE'],
  ['a grant by another grantor', 'GRANT USAGE ON SCHEMA iu_core TO mallory; GRANT SELECT ON iu_core.v_iu_gate TO mallory WITH GRANT OPTION; SET ROLE mallory; GRANT SELECT ON iu_core.v_iu_gate TO anna; GRANT SELECT ON iu_core.v_iu_gate TO iu_reader; RESET ROLE', ['schema iu_core changed', 'view v_iu_gate changed']],
]

/** A server's settings are read again when it comes to it, by each session on its own. */
const settled = (names: string[]): Promise<void> => expect.poll(async () => named(await drift(client)), { timeout: 120_000, interval: 100 }).toEqual(names)

describe('what was deployed', () => {
  it('is no drift, and its principals are counted', async () => {
    expect(named(await drift(client))).toEqual([])
    expect((await conformance(client)).at(-1)).toMatchObject({ check_code: 'D10', class: 'principal', ok: true, missing: 0, unexpected: 0, changed: 0 })
  })
})

describe('what is append-only', () => {
  it('stays so for a session that takes itself for a replica: its triggers fire always', async () => {
    const { rows } = await client.query<{ name: string }>(`SELECT t.tgname AS name FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid WHERE p.proname LIKE 'fn_iu_append_only%' AND t.tgenabled <> 'A'`)
    expect(rows).toEqual([])
    await client.query(`ALTER DATABASE guarded SET session_replication_role = 'replica'`)
    const other = await cluster.connect('guarded')
    expect((await other.query('SHOW session_replication_role')).rows).toEqual([{ session_replication_role: 'replica' }])
    for (const sql of ['DELETE FROM iu_core.dot_iu_command_run', 'UPDATE iu_core.event_outbox SET payload = NULL', 'TRUNCATE iu_core.unit_version CASCADE']) expect(await refusal(other.query(sql)), sql).toMatchObject({ code: 'IU005' })
    await client.query('ALTER DATABASE guarded RESET session_replication_role')
  })
})

describe('a change by hand', () => {
  it.each(SCENES)('%s: is found and named, and put back by the statements in their order', async (_, sql, expected, after) => {
    await client.query('RESET ROLE')
    for (const statement of statements(sql)) await client.query(statement)
    if (sql.includes('pg_reload_conf')) await settled([...expected].sort())
    const found = await drift(client)
    expect(named(found)).toEqual([...expected].sort())
    for (const { class: kind, identity, statement } of found) {
      for (const one of statements(statement!)) await client.query(one).catch((error: Error) => expect.unreachable(`${kind} ${identity}: ${error.message}\n${one}`))
    }
    await client.query('RESET search_path')
    if (sql.includes('pg_reload_conf')) await settled([])
    expect((await drift(client)).map(({ class: kind, identity, expected: want, live, statement }) => ({ kind, identity, want, live, statement }))).toEqual([])
    if (after) for (const statement of statements(after)) await client.query(statement)
    expect(named(await drift(client))).toEqual([])
  })
})
