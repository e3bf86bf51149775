/** Changes made by hand, each with what conformance must say of it. `also` names what necessarily goes with it. */
export interface Mutation {
  what: string
  sql: string
  class: string
  identity: string
  state: 'missing' | 'unexpected' | 'changed'
  also?: string[]
  /** the statements offered put all of it right; where a person has to think it is false */
  repairs?: false
}

type Row = [what: string, sql: string, identity: string, also?: string[], repairs?: false]
const of = (kind: string, state: Mutation['state'], rows: Row[]): Mutation[] =>
  rows.map(([what, sql, identity, also, repairs]) => ({ what, sql, class: kind, identity, state, ...(also && { also }), ...(repairs === false && { repairs }) }))

const GATE_SET = 'fn_iu_gate_set(text,boolean,text,timestamp with time zone)'
const IS_OPEN = 'fn_iu_gate_is_open(text)'
const FUNCTION = 'iu_core.fn_iu_gate_is_open(text)'
const APPEND = 'trg_event_outbox_append_only on event_outbox'

export const MUTATIONS: Mutation[] = [
  ...of('table', 'missing', [
    ['dropped', 'DROP TABLE iu_core.iu_relation', 'iu_relation'],
  ]),
  ...of('table', 'unexpected', [
    ['added', 'CREATE TABLE iu_core.extra (id int)', 'extra'],
    ['unlogged and added', 'CREATE UNLOGGED TABLE iu_core.extra (id int)', 'extra'],
  ]),
  ...of('table', 'changed', [
    ['a column added', 'ALTER TABLE iu_core.dot_config ADD COLUMN more text', 'dot_config'],
    ['a column dropped', 'ALTER TABLE iu_core.iu_relation DROP COLUMN created_by', 'iu_relation', undefined, false],
    ['a column renamed', 'ALTER TABLE iu_core.iu_relation RENAME COLUMN relation_kind TO kind', 'iu_relation'],
    ['a type altered', 'ALTER TABLE iu_core.iu_relation ALTER COLUMN relation_kind TYPE varchar(20)', 'iu_relation'],
    ['a type widened', 'ALTER TABLE iu_core.iu_sign_in_failure ALTER COLUMN failed_at TYPE timestamptz(0)', 'iu_sign_in_failure'],
    ['a default set', 'ALTER TABLE iu_core.dot_config ALTER COLUMN value SET DEFAULT \'true\'', 'dot_config'],
    ['a default dropped', 'ALTER TABLE iu_core.dot_config ALTER COLUMN changed_by DROP DEFAULT', 'dot_config'],
    ['a default altered', 'ALTER TABLE iu_core.iu_outbound_route ALTER COLUMN dry_run SET DEFAULT false', 'iu_outbound_route'],
    ['NOT NULL dropped', 'ALTER TABLE iu_core.dot_config ALTER COLUMN reason DROP NOT NULL', 'dot_config'],
    ['NOT NULL set', 'ALTER TABLE iu_core.iu_relation ALTER COLUMN to_version_seq SET NOT NULL', 'iu_relation'],
    ['a check dropped', 'ALTER TABLE iu_core.iu_outbound_route DROP CONSTRAINT iu_outbound_route_safe_chk', 'iu_outbound_route'],
    ['a check added', 'ALTER TABLE iu_core.dot_config ADD CONSTRAINT more_chk CHECK (length(key) > 0)', 'dot_config'],
    ['a check altered', 'ALTER TABLE iu_core.iu_outbound_route DROP CONSTRAINT iu_outbound_route_id_chk, ADD CONSTRAINT iu_outbound_route_id_chk CHECK (id > -1)', 'iu_outbound_route'],
    ['a check not valid', 'ALTER TABLE iu_core.iu_outbound_route DROP CONSTRAINT iu_outbound_route_id_chk, ADD CONSTRAINT iu_outbound_route_id_chk CHECK (id > 0) NOT VALID', 'iu_outbound_route'],
    ['a constraint renamed', 'ALTER TABLE iu_core.iu_outbound_route RENAME CONSTRAINT iu_outbound_route_id_chk TO other_chk', 'iu_outbound_route'],
    ['a unique constraint dropped', 'ALTER TABLE iu_core.dot_iu_command_seal DROP CONSTRAINT dot_iu_command_seal_run_key', 'dot_iu_command_seal'],
    ['a foreign key dropped', 'ALTER TABLE iu_core.iu_outbound_route DROP CONSTRAINT iu_outbound_route_event_type_fkey', 'iu_outbound_route'],
    ['a foreign key altered', 'ALTER TABLE iu_core.iu_outbound_route DROP CONSTRAINT iu_outbound_route_event_type_fkey, ADD CONSTRAINT iu_outbound_route_event_type_fkey FOREIGN KEY (event_type) REFERENCES iu_core.iu_event_type (event_type) ON DELETE CASCADE', 'iu_outbound_route'],
    ['a foreign key switched off', 'ALTER TABLE iu_core.dot_iu_command_seal DISABLE TRIGGER ALL', 'dot_iu_command_seal', ['trigger trg_dot_iu_command_seal_append_only on dot_iu_command_seal changed']],
    ['an index dropped', 'DROP INDEX iu_core.iu_outbound_route_event_type_idx', 'iu_outbound_route'],
    ['an index added', 'CREATE INDEX more_idx ON iu_core.dot_config (value)', 'dot_config'],
    ['an index altered', 'DROP INDEX iu_core.idx_event_outbox_idempotent; CREATE INDEX idx_event_outbox_idempotent ON iu_core.event_outbox (event_type)', 'event_outbox'],
    ['an index renamed', 'ALTER INDEX iu_core.iu_outbound_route_event_type_idx RENAME TO other_idx', 'iu_outbound_route'],
    ['an owner altered', 'ALTER TABLE iu_core.iu_relation OWNER TO CURRENT_USER', 'iu_relation'],
    ['a right granted', 'GRANT INSERT ON iu_core.event_outbox TO iu_emitter', 'event_outbox'],
    ['NOT NULL that no row was held against', `DO $$ BEGIN ALTER TABLE iu_core.iu_relation ALTER COLUMN to_unit_id DROP NOT NULL;
      IF current_setting('server_version_num')::integer >= 180000 THEN EXECUTE 'ALTER TABLE iu_core.iu_relation ADD CONSTRAINT x NOT NULL to_unit_id NOT VALID'; END IF; END $$`, 'iu_relation'],
    ['its key renamed, to which others refer', 'ALTER INDEX iu_core.information_unit_pkey RENAME TO "The key"', 'information_unit'],
    ['a right granted on a column', 'GRANT SELECT (key) ON iu_core.dot_config TO iu_reader', 'dot_config'],
    ['a right taken from its owner', 'REVOKE DELETE ON iu_core.dot_config FROM iu_owner', 'dot_config'],
    ['a right granted on its sequence', 'GRANT USAGE ON SEQUENCE iu_core.event_outbox_id_seq TO iu_emitter', 'event_outbox'],
    ['a sequence altered', 'ALTER SEQUENCE iu_core.event_outbox_id_seq INCREMENT BY 2', 'event_outbox', undefined, false],
    ['an identity altered', 'ALTER TABLE iu_core.event_outbox ALTER COLUMN id SET GENERATED BY DEFAULT', 'event_outbox', undefined, false],
    ['a setting altered', 'ALTER TABLE iu_core.dot_config SET (fillfactor = 50)', 'dot_config'],
    ['a setting reset', 'ALTER TABLE iu_core.dot_iu_acting RESET (autovacuum_vacuum_threshold)', 'dot_iu_acting'],
    ['row security', 'ALTER TABLE iu_core.event_outbox ENABLE ROW LEVEL SECURITY', 'event_outbox'],
    ['a policy', 'CREATE POLICY extra ON iu_core.event_outbox USING (false)', 'event_outbox'],
    ['a rule', 'CREATE RULE lost AS ON INSERT TO iu_core.event_outbox DO INSTEAD NOTHING', 'event_outbox'],
    ['made unlogged', 'ALTER TABLE iu_core.iu_worker_process SET UNLOGGED', 'iu_worker_process'],
    ['a replica identity', 'ALTER TABLE iu_core.dot_config REPLICA IDENTITY FULL', 'dot_config'],
    ['a comment', 'COMMENT ON TABLE iu_core.dot_config IS \'another\'', 'dot_config'],
  ]),
  ...of('view', 'missing', [
    ['dropped', 'DROP VIEW iu_core.v_iu_unit_axis', 'v_iu_unit_axis'],
    ['renamed', 'ALTER VIEW iu_core.v_iu_unit_axis RENAME TO v_other', 'v_iu_unit_axis', ['view v_other unexpected']],
  ]),
  ...of('view', 'unexpected', [
    ['added', 'CREATE VIEW iu_core.v_extra AS SELECT 1 AS one', 'v_extra'],
    ['under a name that has to be quoted', 'CREATE VIEW iu_core."V extra" AS SELECT 1 AS one', 'V extra'],
  ]),
  ...of('view', 'changed', [
    ['a body altered', `DO $$ BEGIN EXECUTE format('CREATE OR REPLACE VIEW iu_core.v_iu_unit_axis AS SELECT * FROM (%s) AS v WHERE false', rtrim(pg_get_viewdef('iu_core.v_iu_unit_axis'::regclass), ';')); END $$`, 'v_iu_unit_axis'],
    ['a column added', `DO $$ BEGIN EXECUTE format('CREATE OR REPLACE VIEW iu_core.v_iu_unit_axis AS SELECT *, 1 AS more FROM (%s) AS v', rtrim(pg_get_viewdef('iu_core.v_iu_unit_axis'::regclass), ';')); END $$`, 'v_iu_unit_axis'],
    ['an owner altered', 'ALTER VIEW iu_core.v_iu_gate OWNER TO CURRENT_USER', 'v_iu_gate'],
    ['a right granted', 'GRANT SELECT ON iu_core.v_iu_gate TO PUBLIC', 'v_iu_gate'],
    ['a right taken', 'REVOKE SELECT ON iu_core.v_iu_gate FROM iu_reader', 'v_iu_gate'],
    ['a right that may be passed on', 'GRANT SELECT ON iu_core.v_iu_gate TO iu_reader WITH GRANT OPTION', 'v_iu_gate'],
    ['an option set', 'ALTER VIEW iu_core.v_iu_gate SET (security_barrier = true)', 'v_iu_gate'],
    ['a column renamed', 'ALTER VIEW iu_core.v_iu_unit_axis RENAME COLUMN axis TO "An axis"', 'v_iu_unit_axis'],
    ['a column\'s default', 'ALTER VIEW iu_core.v_iu_unit_axis ALTER COLUMN axis SET DEFAULT \'x\'', 'v_iu_unit_axis'],
  ]),
  ...of('function', 'missing', [
    ['dropped', 'DROP FUNCTION iu_core.fn_iu_slug(text)', 'fn_iu_slug(text)'],
    ['renamed', 'ALTER FUNCTION iu_core.fn_iu_slug(text) RENAME TO fn_other', 'fn_iu_slug(text)', ['function fn_other(text) unexpected']],
  ]),
  ...of('function', 'unexpected', [
    ['added', 'CREATE FUNCTION iu_core.fn_extra() RETURNS int LANGUAGE sql AS \'SELECT 1\'', 'fn_extra()'],
    ['under a name that has to be quoted', 'CREATE FUNCTION iu_core."Fn (x)"(text) RETURNS int LANGUAGE sql AS \'SELECT 1\'', '"Fn (x)"(text)'],
    ['overloaded', 'CREATE FUNCTION iu_core.fn_iu_gate_is_open(int) RETURNS int LANGUAGE sql AS \'SELECT 1\'', 'fn_iu_gate_is_open(integer)'],
    ['a procedure added', 'CREATE PROCEDURE iu_core.pr_extra() LANGUAGE sql AS \'SELECT 1\'', 'pr_extra()'],
  ]),
  ...of('function', 'changed', [
    ['a body altered', `CREATE OR REPLACE FUNCTION ${FUNCTION.replace('text', 'p_gate text')} RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, iu_core, pg_temp AS 'SELECT true'`, IS_OPEN],
    ['a language altered', `CREATE OR REPLACE FUNCTION ${FUNCTION.replace('text', 'p_gate text')} RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, iu_core, pg_temp AS 'BEGIN RETURN true; END'`, IS_OPEN],
    ['volatility altered', `ALTER FUNCTION ${FUNCTION} VOLATILE`, IS_OPEN],
    ['security altered', `ALTER FUNCTION iu_core.${GATE_SET} SECURITY INVOKER`, GATE_SET],
    ['a setting altered', `ALTER FUNCTION ${FUNCTION} SET search_path = public`, IS_OPEN],
    ['a setting added', `ALTER FUNCTION ${FUNCTION} SET work_mem = '1MB'`, IS_OPEN],
    ['a setting reset', `ALTER FUNCTION ${FUNCTION} RESET search_path`, IS_OPEN],
    ['an owner altered', `ALTER FUNCTION ${FUNCTION} OWNER TO CURRENT_USER`, IS_OPEN],
    ['a right granted to PUBLIC', `GRANT EXECUTE ON FUNCTION iu_core.${GATE_SET} TO PUBLIC`, GATE_SET],
    ['a right granted', `GRANT EXECUTE ON FUNCTION iu_core.${GATE_SET} TO iu_console`, GATE_SET],
    ['a right taken', 'REVOKE EXECUTE ON FUNCTION iu_core.fn_iu_gate_state(text) FROM iu_reader', 'fn_iu_gate_state(text)'],
    ['made strict', `ALTER FUNCTION ${FUNCTION} STRICT`, IS_OPEN],
    ['made leakproof', `ALTER FUNCTION ${FUNCTION} LEAKPROOF`, IS_OPEN],
    ['a cost altered', `ALTER FUNCTION ${FUNCTION} COST 7`, IS_OPEN],
    ['parallel altered', `ALTER FUNCTION ${FUNCTION} PARALLEL SAFE`, IS_OPEN],
  ]),
  ...of('trigger', 'missing', [
    ['dropped', 'DROP TRIGGER trg_event_outbox_append_only ON iu_core.event_outbox', APPEND],
    ['renamed', 'ALTER TRIGGER trg_event_outbox_append_only ON iu_core.event_outbox RENAME TO trg_other', APPEND, ['trigger trg_other on event_outbox unexpected']],
  ]),
  ...of('trigger', 'unexpected', [
    ['added', 'CREATE TRIGGER trg_extra BEFORE INSERT ON iu_core.event_outbox FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()', 'trg_extra on event_outbox'],
    ['under a name that has to be quoted', 'CREATE TRIGGER "T on x" BEFORE INSERT ON iu_core.event_outbox FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()', 'T on x on event_outbox'],
  ]),
  ...of('trigger', 'changed', [
    ['a definition altered', 'CREATE OR REPLACE TRIGGER trg_event_outbox_append_only BEFORE DELETE ON iu_core.event_outbox FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_append_only()', APPEND],
    ['disabled by hand', 'ALTER TABLE iu_core.event_outbox DISABLE TRIGGER trg_event_outbox_append_only', APPEND],
    ['of the ladder disabled by hand', 'ALTER TABLE iu_core.information_unit DISABLE TRIGGER trg_iu_out_unit', 'trg_iu_out_unit on information_unit'],
    ['for replicas only', 'ALTER TABLE iu_core.event_outbox ENABLE REPLICA TRIGGER trg_event_outbox_append_only', APPEND],
    ['not for replicas', 'ALTER TABLE iu_core.event_outbox ENABLE TRIGGER trg_event_outbox_append_only', APPEND],
  ]),
  ...of('config', 'missing', [
    ['deleted', 'DELETE FROM iu_core.dot_config WHERE key = \'iu_core.autocut_enabled\'', 'iu_core.autocut_enabled'],
    ['renamed', 'UPDATE iu_core.dot_config SET key = \'iu_core.other\' WHERE key = \'iu_core.autocut_enabled\'', 'iu_core.autocut_enabled', ['config iu_core.other unexpected']],
  ]),
  ...of('config', 'unexpected', [
    ['added', 'INSERT INTO iu_core.dot_config (key, value, value_type, description, reason) VALUES (\'x\', \'1\', \'integer\', \'\', \'\')', 'x'],
  ]),
  ...of('config', 'changed', [
    ['retyped', 'UPDATE iu_core.dot_config SET value_type = \'text\' WHERE key = \'iu_core.autocut_enabled\'', 'iu_core.autocut_enabled'],
    ['described otherwise', 'UPDATE iu_core.dot_config SET description = \'harmless\' WHERE key = \'iu_core.autocut_enabled\'', 'iu_core.autocut_enabled'],
    ['opened by hand', 'UPDATE iu_core.dot_config SET value = \'true\' WHERE key = \'iu_core.execution_enabled\'', 'iu_core.execution_enabled'],
    ['malformed by hand', 'UPDATE iu_core.dot_config SET value = \'yes\' WHERE key = \'iu_core.execution_enabled\'', 'iu_core.execution_enabled'],
  ]),
  ...of('event_type', 'missing', [
    ['deleted', 'DELETE FROM iu_core.iu_outbound_route WHERE event_type = \'iu.split\'; DELETE FROM iu_core.iu_event_type WHERE event_type = \'iu.split\'', 'iu.split', ['route iu.split.log missing']],
  ]),
  ...of('event_type', 'unexpected', [
    ['added', `SELECT iu_core.fn_iu_event_types_register('application', 'delayed', false, '{"app.x": {"description": "x"}}')`, 'app.x'],
  ]),
  ...of('event_type', 'changed', [
    ['another lane', 'UPDATE iu_core.iu_event_type SET delivery_lane = \'immediate\' WHERE event_type = \'iu.split\'', 'iu.split'],
    ['another schema', 'UPDATE iu_core.iu_event_type SET payload_schema = \'{"type": "object"}\' WHERE event_type = \'iu.split\'', 'iu.split'],
    ['another predicate', 'UPDATE iu_core.iu_event_type SET payload_predicate = \'false\' WHERE event_type = \'iu.split\'', 'iu.split'],
    ['an application\'s', 'UPDATE iu_core.iu_event_type SET is_system = false WHERE event_type = \'iu.split\'', 'iu.split'],
  ]),
  ...of('route', 'missing', [
    ['deleted', 'DELETE FROM iu_core.iu_outbound_route WHERE route_code = \'iu.split.log\'', 'iu.split.log'],
  ]),
  ...of('route', 'unexpected', [
    ['added', `SELECT iu_core.fn_iu_routes_register('{"extra.log": {"event_type": "iu.merged", "target_kind": "log", "target_ref": "x"}}')`, 'extra.log'],
  ]),
  ...of('route', 'changed', [
    ['another event type', 'UPDATE iu_core.iu_outbound_route SET event_type = \'iu.merged\' WHERE route_code = \'iu.split.log\'', 'iu.split.log'],
    ['another target', 'UPDATE iu_core.iu_outbound_route SET target_ref = \'elsewhere\' WHERE route_code = \'iu.split.log\'', 'iu.split.log'],
    ['another digest', 'UPDATE iu_core.iu_outbound_route SET definition_digest = \'\\x00\' WHERE route_code = \'iu.split.log\'', 'iu.split.log'],
    ['disabled by hand', 'UPDATE iu_core.iu_outbound_route SET enabled = false WHERE route_code = \'iu.split.log\'', 'iu.split.log'],
  ]),
  ...of('schema', 'changed', [
    ['opened to PUBLIC', 'GRANT CREATE ON SCHEMA iu_core TO PUBLIC', 'iu_core'],
    ['given to another', 'ALTER SCHEMA iu_core OWNER TO CURRENT_USER', 'iu_core'],
  ]),
  ...of('vocabulary', 'unexpected', [
    ['a term added', 'INSERT INTO iu_core.iu_vocabulary VALUES (\'target_kind\', \'x\', \'x\')', 'target_kind x'],
  ]),
  ...of('command', 'changed', [
    ['a gate taken off', 'UPDATE iu_core.dot_iu_command SET gates = \'{}\' WHERE command_code = \'dot_iu_create_piece\'', 'dot_iu_create_piece'],
    ['a right lowered', 'UPDATE iu_core.dot_iu_command SET required_right = \'reviewer\' WHERE command_code = \'dot_iu_open_gate\'', 'dot_iu_open_gate'],
  ]),
  ...of('other', 'unexpected', [
    ['a materialised view', 'CREATE MATERIALIZED VIEW iu_core.x AS SELECT 1 AS one', 'materialized view iu_core.x'],
    ['a sequence', 'CREATE SEQUENCE iu_core.x', 'sequence iu_core.x'],
    ['a type', 'CREATE TYPE iu_core.x AS ENUM (\'a\')', 'type iu_core.x'],
    ['a domain', 'CREATE DOMAIN iu_core.x AS text', 'type iu_core.x', undefined, false],
    ['a partitioned table', 'CREATE TABLE iu_core.x (a int) PARTITION BY LIST (a)', 'table iu_core.x'],
    ['an aggregate', 'CREATE AGGREGATE iu_core.x (int) (SFUNC = int4pl, STYPE = int)', 'aggregate iu_core.x(integer)'],
    ['an operator', 'CREATE OPERATOR iu_core.<<< (LEFTARG = int, RIGHTARG = int, FUNCTION = int4pl)', 'operator iu_core.<<<(integer,integer)', undefined, false],
    ['a collation', 'CREATE COLLATION iu_core.x FROM "C"', 'collation iu_core.x'],
    ['statistics', 'CREATE STATISTICS iu_core.x ON key, value FROM iu_core.dot_config', 'statistics object iu_core.x', undefined, false],
    ['a foreign table', 'CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE iu_core.x (a int) SERVER s', 'foreign table iu_core.x'],
    ['default privileges', 'ALTER DEFAULT PRIVILEGES FOR ROLE iu_owner IN SCHEMA iu_core GRANT SELECT ON TABLES TO iu_reader', 'default privileges of iu_owner on r'],
  ]),
]

/** Objects of which two changes would be in each other's way; a row is on its own. */
const touched = ({ class: kind, identity, also = [], sql }: Mutation): string[] => [
  identity, ...also.map(name => name.replace(/^\w+ | \w+$/g, '')),
  ...(['config', 'event_type', 'route', 'vocabulary', 'command'].includes(kind) ? [] : sql.match(/(?<=iu_core\.)\w+/g) ?? []),
]

/** The mutations in as few heaps as can be, none of which changes an object twice: each heap is compared at once. */
export function heaps(mutations: Mutation[]): Mutation[][] {
  const made: { names: Set<string>, mutations: Mutation[] }[] = []
  for (const mutation of mutations) {
    const names = touched(mutation)
    let heap = made.find(candidate => !names.some(name => candidate.names.has(name)))
    if (!heap) made.push(heap = { names: new Set(), mutations: [] })
    heap.mutations.push(mutation)
    for (const name of names) heap.names.add(name)
  }
  return made.map(heap => heap.mutations)
}
