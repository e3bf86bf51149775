-- unit: schema

-- requires: iu_core
-- Append-only. The newest row of an object counts: a second acceptance takes the place of the first, a withdrawal ends it.
CREATE TABLE iu_core.dot_deviation_decision (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT dot_deviation_decision_pkey PRIMARY KEY,
  class text COLLATE "C" NOT NULL,
  identity text COLLATE "C" NOT NULL,
  digest text COLLATE "C",
  owner text,
  expires_at timestamptz,
  reason text NOT NULL,
  decided_by text NOT NULL,
  decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT dot_deviation_decision_accepted_chk CHECK ((digest IS NULL) = (owner IS NULL) AND (digest IS NULL) = (expires_at IS NULL)),
  CONSTRAINT dot_deviation_decision_expires_chk CHECK (expires_at > decided_at AND expires_at <= decided_at + interval '366 days')
);
CREATE INDEX dot_deviation_decision_object_idx ON iu_core.dot_deviation_decision (class, identity, id);
COMMENT ON TABLE iu_core.dot_deviation_decision IS 'Deviations that an approver accepted, and what was withdrawn again; it counts only with its run in the ledger (fn_dot_accepted)';
COMMENT ON COLUMN iu_core.dot_deviation_decision.digest IS 'of fn_dot_deviation_digest(): exactly this deviation and no other of that object; null: what was accepted was withdrawn';
COMMENT ON COLUMN iu_core.dot_deviation_decision.owner IS 'who answers for the deviation: an account or any name';
COMMENT ON COLUMN iu_core.dot_deviation_decision.expires_at IS 'it is drift again then';

-- requires: dot_deviation_decision, dot_iu_command_run, iu_core
-- A row that was written by hand accepts nothing: the ledger must have the run that wrote it, with the same digest and the same end.
-- Where its table is gone, or belongs to somebody else, nothing is accepted.
CREATE FUNCTION iu_core.fn_dot_accepted()
RETURNS TABLE (decision_id bigint, class text, identity text, digest text, owner text, reason text, accepted_by text, accepted_at timestamptz, expires_at timestamptz)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, iu_core, pg_temp
SET TimeZone = 'UTC'
AS $$
BEGIN
  IF has_table_privilege(to_regclass('iu_core.dot_deviation_decision'), 'SELECT') THEN
    RETURN QUERY
    SELECT d.id, d.class, d.identity, d.digest, d.owner, d.reason, d.decided_by, d.decided_at, d.expires_at
    FROM dot_deviation_decision AS d
    WHERE d.expires_at > clock_timestamp()
      AND NOT EXISTS (SELECT FROM dot_deviation_decision AS l WHERE (l.class, l.identity) = (d.class, d.identity) AND l.id > d.id)
      AND EXISTS (
        SELECT FROM (SELECT r.receipt FROM dot_iu_command_run AS r
                     WHERE r.object_refs @> ARRAY[format('deviation:%s %s', d.class, d.identity)] AND r.status = 'succeeded' AND r.mode IN ('apply', 'rollback') OFFSET 0) AS r
        CROSS JOIN LATERAL jsonb_array_elements(r.receipt -> 'objects') AS o
        WHERE o -> 'after' ->> 'state' = 'accepted' AND o -> 'after' ->> 'sha256' = d.digest AND (o -> 'after' ->> 'expires_at')::timestamptz = d.expires_at);
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_accepted() IS 'The acceptances that hold now: the newest decision on each object, not withdrawn, not expired, and with its run in the ledger';
REVOKE ALL ON FUNCTION iu_core.fn_dot_accepted() FROM PUBLIC;

-- requires: iu_core
CREATE OR REPLACE FUNCTION iu_core.fn_dot_checks(p_expected jsonb, p_drift jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH drift AS MATERIALIZED (
    SELECT d ->> 'class' AS class, CASE WHEN d ? 'accepted_by' THEN 'accepted ' ELSE '' END || (d ->> 'state') AS state FROM jsonb_array_elements(p_drift) AS d
  ), counted AS (
    SELECT k.check_code, k.class, i.n AS expected,
           (count(d.state) FILTER (WHERE d.state = 'missing'))::integer AS missing, (count(d.state) FILTER (WHERE d.state = 'unexpected'))::integer AS unexpected,
           (count(d.state) FILTER (WHERE d.state = 'changed'))::integer AS changed, (count(d.state) FILTER (WHERE d.state = 'unknown'))::integer AS unknown,
           (count(d.state) FILTER (WHERE d.state LIKE 'accepted %'))::integer AS accepted, (count(d.state) FILTER (WHERE d.state = 'accepted missing'))::integer AS without, (count(d.state) FILTER (WHERE d.state = 'accepted changed'))::integer AS otherwise
    FROM (VALUES ('D1', 'table'), ('D2', 'view'), ('D3', 'function'), ('D4', 'trigger'), ('D5', 'config'), ('D6', 'event_type'), ('D7', 'route'), ('D8', 'drift'), ('D10', 'principal')) AS k(check_code, class)
    CROSS JOIN LATERAL (SELECT coalesce(sum(value::integer), 0)::integer AS n FROM jsonb_each_text(p_expected) WHERE key = k.class OR k.class = 'drift') AS i
    LEFT JOIN drift AS d ON d.class = k.class OR k.class = 'drift'
    GROUP BY k.check_code, k.class, i.n
  ), checked AS (
    SELECT check_code, class, expected, CASE WHEN p_drift IS NULL THEN 0 ELSE expected - missing - without - unknown END AS present, missing, unexpected, changed,
           CASE WHEN p_drift IS NULL THEN greatest(expected, 1) ELSE unknown END AS unknown,
           p_drift IS NOT NULL AND missing + unexpected + changed + unknown + accepted = 0 AND expected > 0 AS ok,
           CASE WHEN p_drift IS NULL THEN 0 ELSE expected - missing - without - unknown - changed - otherwise END AS matching, accepted
    FROM counted
  )
  SELECT jsonb_agg(to_jsonb(c) ORDER BY length(c.check_code), c.check_code)
  FROM (
    SELECT * FROM checked
    UNION ALL
    SELECT 'D9', 'class', count(*)::integer, (count(*) FILTER (WHERE ok))::integer, 0, 0, (count(*) FILTER (WHERE NOT ok AND unknown = 0 AND NOT is_accepted))::integer, (count(*) FILTER (WHERE unknown > 0))::integer, bool_and(ok), (count(*) FILTER (WHERE ok))::integer, (count(*) FILTER (WHERE is_accepted))::integer
    FROM checked CROSS JOIN LATERAL (SELECT accepted > 0 AND missing + unexpected + changed + unknown = 0 AS is_accepted) AS a WHERE class NOT IN ('drift', 'principal')
  ) AS c
$$;
COMMENT ON FUNCTION iu_core.fn_dot_checks(jsonb, jsonb) IS 'The checks D1 to D10 of a comparison: of {"class": how many are expected} and what has drifted, accepted or not (null: nothing can be said, and all is unknown)';
REVOKE ALL ON FUNCTION iu_core.fn_dot_checks(jsonb, jsonb) FROM PUBLIC;

-- requires: iu_core
CREATE FUNCTION iu_core.fn_dot_deviation_digest(p_object jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT CASE WHEN p_object ->> 'state' <> 'unknown' THEN
    encode(sha256(convert_to(jsonb_build_array(p_object -> 'class', p_object -> 'identity', p_object -> 'state', p_object -> 'expected', p_object -> 'live')::text, 'UTF8')), 'hex') END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_deviation_digest(jsonb) IS 'SHA-256, in hex, over a deviation as v_dot_drift tells it: class, identity, state, and the definition as it should be and as it is; null for what is unknown';
REVOKE ALL ON FUNCTION iu_core.fn_dot_deviation_digest(jsonb) FROM PUBLIC;

-- requires: dot_inventory, fn_dot_accepted, fn_dot_catalogue, fn_dot_checks, fn_dot_deviation_digest, fn_dot_principals, fn_dot_principals_expected, fn_dot_repair, fn_dot_repairs, fn_dot_state, fn_dot_state_expected, iu_core
-- Everything that is told of a comparison comes from one statement, so that counts, drift and digest agree.
-- The comparison is made under the deployers' lock, shared, in a subtransaction that is taken back: no deploy
-- begins while it lasts (PostgreSQL spells definitions as they are now, and finds objects as they were when the
-- statement began), nothing is left held, and where a deploy is under way it is said so without looking.
-- VOLATILE, so that it sees what was committed when it has the lock.
CREATE OR REPLACE FUNCTION iu_core.fn_dot_compare(p_classes text[] DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET lock_timeout = '500ms'
SET plan_cache_mode = force_generic_plan
SET quote_all_identifiers = off
SET standard_conforming_strings = on
SET bytea_output = hex
SET DateStyle = 'ISO, YMD'
SET IntervalStyle = postgres
SET TimeZone = 'UTC'
SET extra_float_digits = 1
SET plpgsql.extra_errors = 'none'
AS $$
#variable_conflict use_column
DECLARE
  v_major constant integer := current_setting('server_version_num')::integer / 10000;
  v_at constant timestamptz := clock_timestamp();
  -- What guards the schema is told by what bootstrap makes, and beside it by what was entered, which may also be gone.
  v_with_principals constant boolean := p_classes IS NULL OR 'principal' = ANY (p_classes);
  v_classes constant text[] := array_remove(p_classes, 'principal');
  v_principals integer;
  v_expected jsonb;
  v_found jsonb;
  v_digest text;
  v_locked boolean;
  v_checks jsonb;
  v_all jsonb;
  v_why text;
  v_what text;
BEGIN
  BEGIN
    -- Where a stranger may take locks, as on a managed server, one that holds this one is no deployer, and hides nothing.
    -- A deployer who waits for it begins as soon as the others let go; and who held it a moment ago may come again.
    v_locked := pg_try_advisory_xact_lock_shared(hashtext('iu_core deploy')) OR coalesce((
      SELECT bool_and(NOT pg_has_role(a.usesysid, 'iu_owner', 'MEMBER'))
      FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
      WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (l.classid::bigint << 32 | l.objid::bigint) = hashtext('iu_core deploy') AND l.mode = 'ExclusiveLock'), false);
    -- Told also where the comparison itself cannot be made.
    v_expected := (SELECT jsonb_object_agg(n.class, n.n) FROM (
      SELECT class, count(*) AS n FROM dot_inventory WHERE class <> 'principal' AND (v_classes IS NULL OR class = ANY (v_classes)) GROUP BY class
      UNION ALL SELECT 'principal', count(*) FROM fn_dot_principals_expected() WHERE v_with_principals) AS n);
    IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
      v_why := format('a comparison under %s sees an older schema than there is', upper(current_setting('transaction_isolation')));
      v_what := 'Read it under READ COMMITTED.';
    ELSIF NOT v_locked THEN
      v_why := 'a deploy is under way';
      v_what := 'Wait until it has ended.';
    ELSIF NOT EXISTS (SELECT FROM dot_inventory) THEN
      v_why := 'the inventory is empty';
      v_what := 'Run iu db deploy: it builds the units beside this database and registers what they make.';
    ELSIF EXISTS (SELECT FROM dot_inventory WHERE server_major <> v_major) THEN
      v_why := format('the inventory was spelled by PostgreSQL %s and this is %s', (SELECT string_agg(DISTINCT server_major::text, ', ') FROM dot_inventory WHERE server_major <> v_major), v_major);
      v_what := 'Run iu db deploy: it builds the units beside this database and registers what they make.';
    ELSE
      SELECT coalesce(jsonb_agg(jsonb_build_object('class', d.class, 'identity', d.identity, 'state', d.state, 'expected', d.expected, 'live', d.live, 'statement', d.statement, 'suggested_action', d.action) || CASE WHEN d.refuses IS NULL THEN '{}' ELSE jsonb_build_object('refuses', d.refuses) END) FILTER (WHERE d.state IS NOT NULL), '[]'),
             encode(sha256(convert_to(coalesce(string_agg(concat_ws(' ', d.class, d.identity, encode(d.digest, 'hex'), d.switched) || chr(10), '' ORDER BY d.class COLLATE "C", d.identity COLLATE "C") FILTER (WHERE d.digest IS NOT NULL AND d.class <> 'principal'), ''), 'UTF8')), 'hex'),
             (count(*) FILTER (WHERE d.class = 'principal' AND d.is_expected))::integer
      INTO v_found, v_digest, v_principals
      FROM (
        SELECT class, identity, j.state, c.digest, s.switched, i.class IS NOT NULL AND (i.is_required OR c.class IS NOT NULL) AS is_expected,
               CASE class WHEN 'principal' THEN coalesce(c.refuses, identity !~ ' of iu_reader$') END AS refuses,
               -- Beside a definition that is as it should be, its switches say what differs.
               concat_ws(chr(10), i.definition, w.said) AS expected, concat_ws(chr(10), c.definition, v.said) AS live,
               CASE WHEN j.state <> 'unknown' THEN concat_ws(chr(10),
                 CASE WHEN i.digest IS DISTINCT FROM c.digest THEN replace(fn_dot_repair(class, identity, i.definition, i.facts, c.definition, c.facts), 'DATABASE current_database', format('DATABASE %I', current_database())) END,
                 CASE WHEN i.digest IS NOT NULL AND (w.said IS NOT NULL OR c.digest IS NULL) THEN w.sql END) END AS statement,
               CASE j.state
                 WHEN 'unknown' THEN CASE WHEN i.digest = sha256(convert_to(i.definition, 'UTF8')) THEN 'Give its table back to its owner: it cannot be read.' ELSE 'Run iu db deploy: it builds the units beside this database and registers what they make.' END
                 WHEN 'missing' THEN CASE WHEN class = 'principal' THEN 'Make it again with the statement, as an administrator of the server.' ELSE 'Make it again with the statement, or roll back what dropped it.' END
                 WHEN 'unexpected' THEN CASE WHEN class = 'principal' AND identity ~ '^member ' THEN 'Undo it with the statement, as an administrator of the server. To admit it, an approver accepts it until a time (dot_iu_accept_deviation).' WHEN class = 'principal' THEN 'Undo it with the statement, as an administrator of the server.' WHEN class IN ('event_type', 'route') THEN 'Remove it with the statement, or register it by command.' ELSE 'Drop it with the statement, or write a unit that makes it.' END
                 ELSE CASE WHEN class = 'principal' THEN 'Put it back with the statement, as an administrator of the server.' WHEN i.digest = c.digest AND class = 'config' THEN 'Set the gate by command: close it, or open it with a reason.'
                           WHEN i.digest = c.digest AND class = 'route' THEN 'Switch the route by command, or with the statement.'
                           WHEN i.digest = c.digest THEN 'Put the switch back with the statement, or switch it by command.'
                           ELSE 'Put it back with the statement, or write a unit that makes it so.' END END AS action
        FROM (
          SELECT class, identity, definition, facts, digest, true AS is_required FROM dot_inventory WHERE class <> 'principal' AND (v_classes IS NULL OR class = ANY (v_classes))
          UNION ALL
          SELECT 'principal', identity, coalesce(n.definition, l.definition), NULL, coalesce(n.digest, sha256(convert_to(l.definition, 'UTF8'))), l.definition IS NOT NULL
          FROM fn_dot_principals_expected() AS l FULL JOIN (SELECT identity, definition, digest FROM dot_inventory WHERE class = 'principal') AS n USING (identity) WHERE v_with_principals
        ) AS i
        FULL JOIN (
          SELECT f.*, sha256(convert_to(f.definition, 'UTF8')) AS digest, NULL::boolean AS refuses FROM fn_dot_catalogue(v_classes) AS f
          UNION ALL
          SELECT 'principal', p.identity, p.definition, p.undo, sha256(convert_to(p.definition, 'UTF8')), p.refuses FROM fn_dot_principals() AS p WHERE v_with_principals
        ) AS c USING (class, identity)
        LEFT JOIN (SELECT x.class, x.identity, x.switched, x.run_id FROM fn_dot_state_expected() AS x) AS e USING (class, identity)
        LEFT JOIN (SELECT x.class, x.identity, x.switched FROM fn_dot_state() AS x) AS s USING (class, identity)
        CROSS JOIN LATERAL (
          SELECT CASE WHEN i.class IS NULL THEN 'unexpected' WHEN i.digest IS NULL OR i.digest <> sha256(convert_to(i.definition, 'UTF8')) THEN 'unknown'
                      -- Its table is there and belongs to somebody else.
                      WHEN c.class IS NULL AND NOT has_table_privilege(to_regclass(CASE class WHEN 'config' THEN 'dot_config' WHEN 'event_type' THEN 'iu_event_type' WHEN 'route' THEN 'iu_outbound_route'
                        WHEN 'vocabulary' THEN 'iu_vocabulary' WHEN 'command' THEN 'dot_iu_command' END), 'SELECT') THEN 'unknown'
                      WHEN c.class IS NULL AND NOT i.is_required THEN NULL
                      WHEN c.class IS NULL THEN 'missing' WHEN i.digest <> c.digest OR e.switched IS DISTINCT FROM s.switched THEN 'changed' END AS state
        ) AS j
        CROSS JOIN LATERAL (
          SELECT CASE WHEN e.switched IS DISTINCT FROM s.switched AND i.class IS NOT NULL AND c.class IS NOT NULL
                      THEN format('-- switched: %s, as %s', coalesce(e.switched::text, '{}'), coalesce(format('run %s left it', e.run_id), 'it was made')) END AS said,
                 CASE class
                   WHEN 'trigger' THEN format('ALTER TABLE %s %s TRIGGER %s;', split_part(identity, ' on ', 2), CASE e.switched ->> 'enabled' WHEN 'D' THEN 'DISABLE' WHEN 'A' THEN 'ENABLE ALWAYS' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE' END, split_part(identity, ' on ', 1))
                   WHEN 'config' THEN format('SELECT fn_iu_gate_set(%L, %L, ''as the ledger has it'', %L);', identity, e.switched ->> 'value', e.switched ->> 'expires_at')
                   WHEN 'route' THEN format('UPDATE iu_outbound_route SET enabled = %L, dry_run = %L WHERE route_code = %L;', e.switched ->> 'enabled', e.switched ->> 'dry_run', identity)
                   WHEN 'table' THEN format('ALTER TABLE %I ENABLE TRIGGER ALL;', identity) END AS sql
        ) AS w
        CROSS JOIN LATERAL (SELECT CASE WHEN w.said IS NOT NULL THEN format('-- switched: %s', coalesce(s.switched::text, '{}')) END AS said) AS v
      ) AS d;
      v_expected := CASE WHEN v_with_principals THEN v_expected || jsonb_build_object('principal', v_principals) ELSE v_expected END;
      IF v_found <> '[]' THEN
        -- What was accepted exactly so says who did, and is no drift.
        v_found := (
          SELECT jsonb_agg(o.object || jsonb_build_object('digest', o.digest) || coalesce(to_jsonb(a) - 'decision_id', '{}') ORDER BY o.n)
          FROM (SELECT object, n, fn_dot_deviation_digest(object) AS digest FROM jsonb_array_elements(fn_dot_repairs(v_found)) WITH ORDINALITY AS r(object, n)) AS o
          LEFT JOIN fn_dot_accepted() AS a ON (a.class, a.identity, a.digest) = (o.object ->> 'class', o.object ->> 'identity', o.digest));
      END IF;
    END IF;
    RAISE EXCEPTION 'taken back' USING ERRCODE = 'XPLAN';
  EXCEPTION
    WHEN SQLSTATE 'XPLAN' THEN
      NULL;
    WHEN lock_not_available THEN
      v_why := CASE WHEN v_locked THEN 'another session is changing an object of the schema' ELSE 'a deploy is under way' END;
      v_what := 'Wait until it has ended.';
    WHEN OTHERS THEN
      v_why := format('the comparison failed: %s', SQLERRM);
      v_what := 'Read the catalogue with iu db dump, which says where it fails.';
  END;
  IF v_found IS NULL THEN
    v_digest := NULL;
    v_why := concat_ws(' ', upper(left(v_why, 1)) || substr(v_why, 2) || '.', v_what);
  END IF;
  v_checks := fn_dot_checks(coalesce(v_expected, '{}'), v_found);
  v_all := jsonb_path_query_first(v_checks, '$[*] ? (@.check_code == "D8")');
  RETURN (
    SELECT jsonb_build_object(
      'checked_at', v_at, 'digest', v_digest, 'expected', v_all -> 'expected', 'matching', n.matching, 'drift', n.missing + n.unexpected + n.changed, 'unknown', n.unknown,
      'state', CASE WHEN v_found IS NULL THEN 'unknown' WHEN n.missing + n.unexpected + n.changed > 0 THEN 'drift' WHEN n.unknown > 0 THEN 'unknown' WHEN n.accepted > 0 THEN 'accepted' ELSE 'matches' END,
      'summary', CASE WHEN v_found IS NULL THEN format('%s objects are expected, and were not compared', n.expected)
        ELSE concat_ws('; ', format('drift %s', n.missing + n.unexpected + n.changed) || coalesce(': ' || nullif(concat_ws(', ', nullif(n.changed, 0) || ' changed', nullif(n.missing, 0) || ' missing', nullif(n.unexpected, 0) || ' unexpected'), ''), ''),
          CASE WHEN n.accepted > 0 THEN format('accepted %s', n.accepted) END, format('%s of %s expected objects are as deployed', n.matching, n.expected), CASE WHEN n.unknown > 0 THEN format('%s cannot be compared', n.unknown) END) END,
      'why', CASE WHEN v_found IS NULL THEN v_why WHEN n.unknown > 0 THEN format('%s of %s objects cannot be compared.', n.unknown, n.expected) END,
      'checks', v_checks, 'objects', jsonb_path_query_array(coalesce(v_found, '[]'), '$[*] ? (!exists(@.accepted_by))'),
      'accepted', coalesce((SELECT jsonb_agg(o - '{refuses,suggested_action}'::text[] ORDER BY n) FROM jsonb_array_elements(v_found) WITH ORDINALITY AS e(o, n) WHERE o ? 'accepted_by'), '[]'))
    FROM jsonb_to_record(v_all) AS n(expected integer, present integer, missing integer, unexpected integer, changed integer, unknown integer, matching integer, accepted integer));
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_compare(text[]) IS 'The live schema and what guards it, or the classes named, against the inventory and what bootstrap makes, as one document: state (matches, accepted, drift, unknown), counts, the checks D1 to D10, a digest of the catalogue, each object that is not as deployed, and apart from these each that was accepted so. Waits for nobody longer than half a second';
REVOKE ALL ON FUNCTION iu_core.fn_dot_compare(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_dot_compare(text[]) TO iu_reader;

-- requires: dot_deviation_decision, iu_core
-- What stands in the table, whether or not the ledger has its run: a withdrawal ends that too.
CREATE FUNCTION iu_core.fn_dot_deviation_facts(p_class text, p_identity text)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, iu_core, pg_temp
SET TimeZone = 'UTC'
AS $$
  SELECT coalesce((
    SELECT CASE WHEN d.expires_at > clock_timestamp() THEN jsonb_build_object('state', 'accepted', 'sha256', d.digest, 'owner', d.owner, 'expires_at', d.expires_at) END
    FROM dot_deviation_decision AS d WHERE (d.class, d.identity) = (p_class, p_identity) ORDER BY d.id DESC LIMIT 1), '{"state": "drift"}')
$$;
COMMENT ON FUNCTION iu_core.fn_dot_deviation_facts(text, text) IS 'How a deviation of an object stands, as receipts tell it: accepted with its digest, owner and end, or drift';
REVOKE ALL ON FUNCTION iu_core.fn_dot_deviation_facts(text, text) FROM PUBLIC;

-- requires: dot_deviation_decision, fn_dot_deviation_facts, iu_core
CREATE FUNCTION iu_core.fn_dot_deviation_decide(p_decision iu_core.dot_deviation_decision, p_state jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_before constant jsonb := fn_dot_deviation_facts((p_decision).class, (p_decision).identity);
  v_object constant jsonb := jsonb_build_object('class', (p_decision).class, 'object', (p_decision).identity);
  v_after jsonb;
BEGIN
  INSERT INTO dot_deviation_decision (class, identity, digest, owner, expires_at, reason, decided_by)
  VALUES ((p_decision).class, (p_decision).identity, (p_decision).digest, (p_decision).owner, (p_decision).expires_at, coalesce((p_decision).reason, 'a plan'), (p_decision).decided_by);
  v_after := fn_dot_deviation_facts((p_decision).class, (p_decision).identity);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('before', v_before, 'deviation', p_state),
    'objects', jsonb_build_array(jsonb_build_object('ref', format('deviation:%s %s', (p_decision).class, (p_decision).identity), 'change', 'update', 'before', v_before, 'after', v_after)),
    'result', v_after,
    'checks', jsonb_build_array(jsonb_build_object('name', CASE WHEN (p_decision).digest IS NULL THEN 'acceptance_is_withdrawn' ELSE 'deviation_is_accepted' END, 'kind', 'acceptance',
                'class', (p_decision).class, 'identity', (p_decision).identity, 'sha256', v_after -> 'sha256')),
    -- What was accepted before, until another time or by another owner, is accepted so again.
    'inverse', CASE WHEN v_before ->> 'state' = 'accepted' AND (v_after ->> 'state' = 'drift' OR v_before -> 'sha256' = v_after -> 'sha256')
      THEN jsonb_build_object('command', 'dot_iu_accept_deviation', 'params', v_object || jsonb_build_object('digest', v_before -> 'sha256', 'owner', v_before -> 'owner', 'expires_at', to_char((v_before ->> 'expires_at')::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')))
      ELSE jsonb_build_object('command', 'dot_iu_withdraw_acceptance', 'params', v_object) END);
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_deviation_decide(iu_core.dot_deviation_decision, jsonb) IS 'Writes a decision on a deviation down, and returns what its command returns; p_state is what was read of the deviation';
REVOKE ALL ON FUNCTION iu_core.fn_dot_deviation_decide(iu_core.dot_deviation_decision, jsonb) FROM PUBLIC;

-- requires: dot_deviation_decision, fn_dot_compare, fn_dot_deviation_decide, fn_dot_deviation_facts, fn_dot_instant, fn_dot_word, fn_iu_lock, iu_core
CREATE FUNCTION iu_core.dot_iu_accept_deviation(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET TimeZone = 'UTC'
AS $$
DECLARE
  v_class constant text := p_params ->> 'class';
  v_identity constant text := p_params ->> 'object';
  v_expires constant timestamptz := fn_dot_instant(p_params, 'expires_at');
  v_compared jsonb;
  v_found jsonb;
  v_decision dot_deviation_decision;
BEGIN
  IF v_expires <= clock_timestamp() OR v_expires > clock_timestamp() + interval '366 days' THEN
    RAISE EXCEPTION 'expires_at: an acceptance holds for a year at most, and its end is not past' USING ERRCODE = 'IU002', COLUMN = 'expires_at', HINT = 'Write a time within the next 366 days, as in 2030-01-31T12:00:00Z.';
  END IF;
  -- Two decisions on one object take turns.
  PERFORM fn_iu_lock(format('iu_core.deviation %s %s', v_class, v_identity));
  v_compared := fn_dot_compare(ARRAY[v_class, 'principal']);
  IF v_compared ->> 'digest' IS NULL THEN
    RAISE EXCEPTION 'object: it cannot be said now whether % % has drifted', v_class, v_identity USING ERRCODE = 'IU003', COLUMN = 'object', HINT = v_compared ->> 'why';
  -- A login that nobody admitted yet admits neither itself nor anybody else.
  ELSIF p_context ->> 'actor_kind' = 'login' AND EXISTS (
    SELECT FROM jsonb_array_elements(v_compared -> 'objects') AS o
    WHERE o ->> 'class' = 'principal' AND (o ->> 'identity' ~ fn_dot_word(quote_ident(session_user))
      OR o ->> 'identity' LIKE 'member %' AND EXISTS (SELECT FROM pg_roles AS r WHERE starts_with(o ->> 'identity', format('member %I of ', r.rolname)) AND pg_has_role(session_user, r.oid, 'MEMBER')))) THEN
    RAISE EXCEPTION 'object: % has drifted itself as a principal, and accepts nothing', p_context ->> 'actor' USING ERRCODE = 'IU018', COLUMN = 'object', HINT = 'Ask another approver.';
  END IF;
  SELECT o INTO v_found FROM jsonb_array_elements((v_compared -> 'objects') || (v_compared -> 'accepted')) AS o WHERE (o ->> 'class', o ->> 'identity') = (v_class, v_identity);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'object: % % has not drifted, so there is nothing to accept', v_class, v_identity USING ERRCODE = 'IU016', COLUMN = 'object', HINT = 'Conformance (v_dot_drift) names every object that has drifted, as it is written there.';
  ELSIF v_found ->> 'state' = 'unknown' THEN
    RAISE EXCEPTION 'object: % % is unknown, and only what is known can be accepted', v_class, v_identity USING ERRCODE = 'IU003', COLUMN = 'object', HINT = v_found ->> 'suggested_action';
  ELSIF v_found ->> 'digest' <> p_params ->> 'digest' THEN
    RAISE EXCEPTION 'digest: % % deviates otherwise now', v_class, v_identity USING ERRCODE = 'IU014', COLUMN = 'digest',
      HINT = format('Read in Conformance (v_dot_drift) what differs now. The digest of that is %s.', v_found ->> 'digest');
  ELSIF v_found ? 'accepted_by' AND (v_found ->> 'owner', (v_found ->> 'expires_at')::timestamptz) = (p_params ->> 'owner', v_expires) THEN
    RAISE EXCEPTION 'object: % % is accepted already, by % until %', v_class, v_identity, v_found ->> 'accepted_by', v_expires USING ERRCODE = 'IU016', COLUMN = 'object';
  END IF;
  v_decision.class := v_class; v_decision.identity := v_identity; v_decision.digest := v_found ->> 'digest';
  v_decision.owner := p_params ->> 'owner'; v_decision.expires_at := v_expires; v_decision.reason := p_context ->> 'reason'; v_decision.decided_by := p_context ->> 'actor';
  RETURN fn_dot_deviation_decide(v_decision, jsonb_build_object('state', v_found -> 'state', 'sha256', v_found -> 'digest'))
    || jsonb_build_object('notes', jsonb_build_array(format('%s %s is %s. It refuses no command until %s.', v_class, v_identity, v_found ->> 'state', to_char(v_expires, 'YYYY-MM-DD HH24:MI "UTC"')),
                                                     'It is drift again then, and before that when it changes once more.'));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_accept_deviation(jsonb, jsonb) IS 'Accepts one object that has drifted, exactly as it is now, until a time';
REVOKE ALL ON FUNCTION iu_core.dot_iu_accept_deviation(jsonb, jsonb) FROM PUBLIC;

-- requires: dot_deviation_decision, fn_dot_deviation_decide, fn_dot_deviation_facts, fn_iu_lock, iu_core
-- It compares nothing, so that it works whatever has drifted: what is not accepted is drift.
CREATE FUNCTION iu_core.dot_iu_withdraw_acceptance(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_class constant text := p_params ->> 'class';
  v_identity constant text := p_params ->> 'object';
  v_decision dot_deviation_decision;
BEGIN
  PERFORM fn_iu_lock(format('iu_core.deviation %s %s', v_class, v_identity));
  IF fn_dot_deviation_facts(v_class, v_identity) ->> 'state' <> 'accepted' THEN
    RAISE EXCEPTION 'object: no deviation of % % is accepted', v_class, v_identity USING ERRCODE = 'IU016', COLUMN = 'object', HINT = 'v_dot_accepted names every deviation that is. One that has expired need not be withdrawn.';
  END IF;
  v_decision.class := v_class; v_decision.identity := v_identity; v_decision.reason := p_context ->> 'reason'; v_decision.decided_by := p_context ->> 'actor';
  RETURN fn_dot_deviation_decide(v_decision, 'null') || jsonb_build_object('notes', jsonb_build_array('Where it still deviates it is drift again at once, and refuses the commands that it serves.'));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_withdraw_acceptance(jsonb, jsonb) IS 'Withdraws the acceptance of a deviation: it is drift again';
REVOKE ALL ON FUNCTION iu_core.dot_iu_withdraw_acceptance(jsonb, jsonb) FROM PUBLIC;

-- requires: event_outbox, fn_dot_accepted, fn_dot_cursor_object, fn_iu_probe_left, information_unit, iu_account, iu_api_token, iu_collection, iu_collection_checkpoint, iu_collection_piece, iu_core, iu_held_decision, iu_outbound_route, iu_relation, iu_replay_batch, iu_replay_job, iu_route_attempt, iu_route_dead_letter, iu_route_worker_run, iu_unit_axis, unit_version, v_iu_archive, v_iu_worker_schedule
-- One place for every postcondition: a check is {name, kind, what it is about, what must hold}.
CREATE OR REPLACE FUNCTION iu_core.fn_dot_check(p_check jsonb)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  c constant jsonb := p_check;
  v_have jsonb;
  v_want jsonb;
BEGIN
  CASE c ->> 'kind'
    WHEN 'unit' THEN
      v_want := jsonb_strip_nulls(jsonb_build_object('status', c -> 'status', 'version', c -> 'version', 'sha256', c -> 'sha256'));
      SELECT jsonb_build_object('status', u.lifecycle_status, 'version', v.version_seq, 'sha256', encode(sha256(convert_to(v.body, 'UTF8')), 'hex')) INTO v_have
      FROM information_unit AS u JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq WHERE u.canonical_address = c ->> 'unit';
    WHEN 'unit_unused' THEN
      v_want := '{"standing_in": 0}';
      SELECT jsonb_build_object('standing_in', count(p.unit_id)) INTO v_have FROM information_unit AS u LEFT JOIN iu_collection_piece AS p ON p.unit_id = u.id WHERE u.canonical_address = c ->> 'unit';
    WHEN 'piece', 'piece_absent' THEN
      v_want := CASE c ->> 'kind' WHEN 'piece' THEN jsonb_build_object('at', c -> 'at') ELSE '{"at": null}' END;
      SELECT jsonb_build_object('at', (SELECT p.position::text FROM iu_collection_piece AS p WHERE p.collection_id = k.id AND p.unit_id = u.id)) INTO v_have
      FROM iu_collection AS k, information_unit AS u WHERE k.canonical_address = c ->> 'collection' AND u.canonical_address = c ->> 'unit';
    WHEN 'relation' THEN
      v_want := '{"related": true}';
      SELECT jsonb_build_object('related', count(*) = 1) INTO v_have
      FROM iu_relation AS r JOIN information_unit AS f ON f.id = r.from_unit_id JOIN information_unit AS t ON t.id = r.to_unit_id
      WHERE (f.canonical_address, r.relation_kind, t.canonical_address) = (c ->> 'from', c ->> 'relation', c ->> 'to');
    WHEN 'collection' THEN
      v_want := jsonb_build_object('pieces', c -> 'pieces', 'bytes', c -> 'bytes');
      SELECT jsonb_build_object('pieces', h.pieces, 'bytes', h.bytes) INTO v_have FROM v_iu_collection_health AS h WHERE h.canonical_address = c ->> 'collection';
    WHEN 'rendered' THEN
      v_want := jsonb_build_object('revision', c -> 'revision', 'kept', c -> 'sha256', 'rendered', c -> 'sha256');
      SELECT jsonb_build_object('revision', k.render_revision, 'kept', encode(k.render_digest, 'hex'),
        'rendered', CASE WHEN k.revision = (c ->> 'revision')::bigint THEN encode(sha256(convert_to(fn_iu_collection_render(k.id), 'UTF8')), 'hex') END) INTO v_have
      FROM iu_collection AS k WHERE k.canonical_address = c ->> 'collection';
    WHEN 'findings' THEN
      v_want := jsonb_build_object('revision', c -> 'revision', 'count', c -> 'count');
      SELECT jsonb_build_object('revision', k.revision, 'count', (SELECT count(*) FROM fn_iu_collection_findings(k.id))) INTO v_have FROM iu_collection AS k WHERE k.canonical_address = c ->> 'collection';
    WHEN 'checkpoint' THEN
      v_want := jsonb_build_object('manifest', c -> 'sha256', 'pieces_are_kept', true);
      SELECT jsonb_build_object('manifest', encode(sha256(convert_to(k.manifest_text, 'UTF8')), 'hex'),
        'pieces_are_kept', k.piece_count = (SELECT count(*) FROM iu_collection_checkpoint_piece AS p WHERE (p.collection_id, p.checkpoint_no) = (k.collection_id, k.checkpoint_no))) INTO v_have
      FROM iu_collection_checkpoint AS k JOIN iu_collection AS o ON o.id = k.collection_id WHERE o.canonical_address = c ->> 'collection' AND k.checkpoint_no = (c ->> 'checkpoint')::integer;
    WHEN 'axes' THEN
      v_want := '{"differing": 0}';
      SELECT jsonb_build_object('differing', count(*)) INTO v_have
      FROM (SELECT array_agg(u.id) AS ids FROM information_unit AS u
            WHERE u.canonical_address = c ->> 'piece' OR u.id IN (SELECT p.unit_id FROM iu_collection_piece AS p JOIN iu_collection AS k ON k.id = p.collection_id WHERE k.canonical_address = c ->> 'collection')) AS asked
      CROSS JOIN LATERAL (
        SELECT FROM fn_iu_axes_derive(asked.ids) AS d FULL JOIN (SELECT * FROM iu_unit_axis WHERE unit_id = ANY (asked.ids)) AS a ON (a.unit_id, a.axis) = (d.unit_id, d.axis)
        WHERE a.value IS DISTINCT FROM d.value) AS differing;
    WHEN 'gate' THEN
      v_want := jsonb_build_object('state', c -> 'state');
      v_have := jsonb_build_object('state', fn_iu_gate_state(c ->> 'gate'));
    WHEN 'route' THEN
      v_want := jsonb_build_object('enabled', c -> 'enabled');
      SELECT jsonb_build_object('enabled', enabled) INTO v_have FROM iu_outbound_route WHERE route_code = c ->> 'route';
    WHEN 'triggers' THEN
      v_want := jsonb_build_object('enabled', c -> 'enabled', 'triggers', 3);
      SELECT jsonb_build_object('enabled', (c -> 'enabled')::boolean AND bool_and(enabled) OR NOT (c -> 'enabled')::boolean AND bool_or(enabled), 'triggers', count(*)) INTO v_have FROM v_iu_emitting_trigger;
    WHEN 'dead_letter' THEN
      v_want := jsonb_build_object('status', c -> 'status');
      SELECT jsonb_build_object('status', status) INTO v_have FROM iu_route_dead_letter WHERE id = (c ->> 'dead_letter')::bigint;
    WHEN 'dead_letters' THEN
      v_want := jsonb_build_object('others', 0);
      SELECT jsonb_build_object('others', count(*) FILTER (WHERE status <> c ->> 'status' AND NOT (status = 'rerouted' AND c ->> 'status' = 'replayed'))) INTO v_have FROM iu_route_dead_letter WHERE id IN (SELECT jsonb_array_elements_text(c -> 'ids')::bigint);
    WHEN 'skipped' THEN
      v_want := '{"not_attempted": 0}';
      SELECT jsonb_build_object('not_attempted', count(*)) INTO v_have
      FROM jsonb_array_elements_text(c -> 'ids') AS i CROSS JOIN iu_outbound_route AS r
      CROSS JOIN LATERAL (SELECT a.failure_code FROM iu_route_attempt AS a WHERE a.event_id = i::bigint AND a.route_id = r.id ORDER BY a.attempt_no DESC LIMIT 1) AS latest
      WHERE r.route_code = c ->> 'route' AND latest.failure_code = 'route_disabled';
    WHEN 'replay' THEN
      v_want := jsonb_build_object('stopped', c -> 'stopped');
      SELECT jsonb_build_object('stopped', status = 'stopped') INTO v_have FROM iu_replay_job WHERE id = (c ->> 'replay')::bigint;
    WHEN 'replay_set' THEN
      v_want := jsonb_build_object('total', c -> 'total', 'frozen', c -> 'total');
      SELECT jsonb_build_object('total', j.total, 'frozen', (SELECT sum(cardinality(b.event_ids)) FROM iu_replay_batch AS b WHERE b.job_id = j.id)) INTO v_have FROM iu_replay_job AS j WHERE j.id = (c ->> 'replay')::bigint;
    WHEN 'event' THEN
      v_want := jsonb_build_object('type', c -> 'type', 'sha256', c -> 'sha256');
      SELECT jsonb_build_object('type', event_type, 'sha256', encode(sha256(convert_to(payload::text, 'UTF8')), 'hex')) INTO v_have FROM event_outbox WHERE id = (c ->> 'event')::bigint;
    WHEN 'attempt' THEN
      v_want := '{"attempts": 1}';
      SELECT jsonb_build_object('attempts', CASE WHEN fn_iu_event_archived((c ->> 'event')::bigint) THEN 1 ELSE count(*) END) INTO v_have FROM iu_route_attempt WHERE (event_id, route_id, attempt_no) = ((c ->> 'event')::bigint, (c ->> 'route')::integer, (c ->> 'attempt_no')::integer);
    WHEN 'worker_runs' THEN
      v_want := '{"on_record": true}';
      SELECT jsonb_build_object('on_record', count(*) >= (c ->> 'passes')::integer AND coalesce(sum(seen), 0) >= (c ->> 'seen')::integer) INTO v_have FROM iu_route_worker_run WHERE worker_code = c ->> 'worker' AND id > (c ->> 'after')::bigint;
    WHEN 'probe' THEN
      -- Of the run itself: it was taken back, and is nowhere to be found but here.
      v_want := CASE WHEN c ? 'actual' THEN c -> 'expected' ELSE '{"status": "passed"}' END;
      v_have := coalesce(c -> 'actual', jsonb_build_object('status', concat_ws(': ', c ->> 'status', c ->> 'detail')));
    WHEN 'probe_left' THEN
      v_want := '{"rows": 0}';
      SELECT jsonb_build_object('rows', sum(left_rows)) INTO v_have FROM fn_iu_probe_left(c -> 'drawn');
    WHEN 'cursor' THEN
      v_want := jsonb_build_object('bucket_from', c -> 'bucket_from', 'bucket_to', c -> 'bucket_to');
      v_have := coalesce(fn_dot_cursor_object(c ->> 'worker'), '{"bucket_from": null, "bucket_to": null}');
    WHEN 'schedule' THEN
      v_want := jsonb_strip_nulls(jsonb_build_object('enabled', c -> 'enabled', 'poll_ms', c -> 'poll_ms', 'batch_size', c -> 'batch_size'));
      SELECT jsonb_build_object('enabled', enabled, 'poll_ms', poll_ms, 'batch_size', batch_size) INTO v_have FROM v_iu_worker_schedule;
    WHEN 'held' THEN
      v_want := '{"others": 0}';
      SELECT jsonb_build_object('others', count(*) FILTER (WHERE NOT CASE c ->> 'account'
               WHEN 'released' THEN EXISTS (SELECT FROM event_outbox AS n WHERE n.released_from = i.id)
               ELSE EXISTS (SELECT FROM iu_held_decision AS h WHERE h.event_id = i.id) END)) INTO v_have
      FROM (SELECT jsonb_array_elements_text(c -> 'ids')::bigint AS id) AS i;
    WHEN 'archive' THEN
      v_want := jsonb_strip_nulls(jsonb_build_object('sha256', c -> 'sha256', 'removed', c -> 'removed', 'in_outbox', c -> 'in_outbox'));
      SELECT jsonb_build_object('sha256', a.content_digest, 'removed', a.is_removed,
        'in_outbox', (SELECT count(*) FROM event_outbox WHERE id BETWEEN a.first_id AND a.last_id) >= a.events) INTO v_have
      FROM v_iu_archive AS a WHERE a.archive_id = (c ->> 'archive')::bigint;
    WHEN 'acceptance' THEN
      v_want := jsonb_build_object('sha256', c -> 'sha256');
      v_have := jsonb_build_object('sha256', (SELECT a.digest FROM fn_dot_accepted() AS a WHERE (a.class, a.identity) = (c ->> 'class', c ->> 'identity')));
    WHEN 'event_type' THEN
      v_want := '{"registered": true}';
      v_have := jsonb_build_object('registered', EXISTS (SELECT FROM iu_event_type WHERE event_type = c ->> 'event_type'));
    WHEN 'account' THEN
      v_want := jsonb_build_object('status', c -> 'status', 'right', c -> 'right');
      SELECT jsonb_build_object('status', status, 'right', account_right) INTO v_have FROM iu_account WHERE account = c ->> 'account';
    WHEN 'token' THEN
      v_want := jsonb_build_object('live', c -> 'live');
      SELECT jsonb_build_object('live', revoked_at IS NULL AND expires_at > clock_timestamp()) INTO v_have FROM iu_api_token WHERE id = (c ->> 'token')::bigint;
  END CASE;
  RETURN (SELECT string_agg(format('%s: want %s, have %s', key, value, coalesce((v_have -> key)::text, 'nothing')), '; ') FROM jsonb_each(v_want) WHERE v_have -> key IS DISTINCT FROM value);
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_check(jsonb) IS 'What is wrong with a postcondition at present, in words; null when it holds';
REVOKE ALL ON FUNCTION iu_core.fn_dot_check(jsonb) FROM PUBLIC;

-- requires: dot_inventory, dot_iu_command, iu_core
-- Who uses what is told by the names that stand in the inventory's definitions, not in the live ones: what has
-- drifted cannot hide what it serves. What guards the schema serves every command, but for what says itself that it does not. What compares and registers names everything, and passes nothing on.
CREATE OR REPLACE FUNCTION iu_core.fn_dot_drift_served(p_drift jsonb)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
AS $$
  WITH RECURSIVE drifted AS MATERIALIZED (
    SELECT d.class, d.identity FROM jsonb_to_recordset(p_drift) AS d(class text, identity text, refuses boolean) WHERE d.class <> 'principal' OR d.refuses
  ), named AS MATERIALIZED (
    SELECT class, split_part(identity, '(', 1) AS name,
           -- Without its comments: they speak of others.
           regexp_replace(split_part(split_part(definition, E'\nALTER FUNCTION ', 1), E'\nCOMMENT ON ', 1), '--[^\n]*', '', 'g') AS said
    FROM dot_inventory WHERE class IN ('table', 'view', 'function', 'trigger')
      -- These serve whom they serve without being named, and change more often than the others together.
      AND EXISTS (SELECT FROM drifted WHERE class NOT IN ('config', 'command', 'schema', 'principal'))
  ), users AS MATERIALIZED (
    SELECT DISTINCT CASE n.class WHEN 'trigger' THEN split_part(n.name, ' on ', 2) ELSE n.name END AS name, w[1] AS used
    FROM named AS n CROSS JOIN LATERAL regexp_matches(n.said, '\w+', 'g') AS w
    WHERE n.name !~ '^(fn_dot_(catalogue|checks|compare|drift|fingerprints|inventory|repair|stamp|state)|v_dot_(accepted|comparison|conformance|drift))' AND EXISTS (SELECT FROM named AS k WHERE k.name = w[1])
  ), reached(name, class, identity) AS (
    SELECT CASE class WHEN 'function' THEN split_part(identity, '(', 1) WHEN 'trigger' THEN split_part(identity, ' on ', 2) ELSE identity END, class, identity
    FROM drifted WHERE class IN ('table', 'view', 'function', 'trigger')
    UNION
    -- An event type or a route is used by what names it.
    SELECT n.name, d.class, d.identity FROM drifted AS d JOIN named AS n ON n.class = 'function' AND strpos(n.said, quote_literal(d.identity)) > 0 WHERE d.class IN ('event_type', 'route')
    UNION
    SELECT u.name, r.class, r.identity FROM reached AS r JOIN users AS u ON u.used = r.name
  )
  SELECT coalesce(jsonb_object_agg(s.command_code, s.object), '{}')
  FROM (
    SELECT DISTINCT ON (c.command_code) c.command_code, o.object
    FROM dot_iu_command AS c
    CROSS JOIN LATERAL (
      SELECT r.class || ' ' || r.identity AS object FROM reached AS r WHERE r.name IN (c.command_code, 'fn_dot_command_run')
      UNION ALL SELECT d.class || ' ' || d.identity FROM drifted AS d WHERE d.class IN ('schema', 'principal') OR d.class = 'command' AND d.identity = c.command_code OR d.class = 'config' AND d.identity = ANY (c.gates)
    ) AS o
    ORDER BY c.command_code, o.object COLLATE "C"
  ) AS s
$$;
COMMENT ON FUNCTION iu_core.fn_dot_drift_served(jsonb) IS 'The commands that drifted objects ({class, identity} each) serve, by handler, dispatcher, triggers and gates, however indirectly: {"command": "class identity"}';
REVOKE ALL ON FUNCTION iu_core.fn_dot_drift_served(jsonb) FROM PUBLIC;

-- requires: dot_config, dot_inventory, dot_iu_command, fn_dot_accepted, iu_core, iu_event_type, iu_outbound_route
-- Which rows of the catalogue, the registries and the inventory there are, by the transactions that wrote them: a
-- stamp that was seen before means that nothing has been changed, by whatever statement. Sums, so that the order in
-- which rows are found does not count; what PostgreSQL itself brings has lower numbers. Some maintenance (REINDEX,
-- VACUUM FULL) changes it and means nothing, and so does what is made in other schemas: to leave that out would take
-- longer than to sum it up. Which acceptances hold is part of it, so that one that expires turns it as one that is made does.
CREATE OR REPLACE FUNCTION iu_core.fn_dot_stamp()
RETURNS TABLE (part text, classes text[], stamp text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  v_schema constant oid := 'iu_core'::regnamespace;
  v_registered constant text[] := '{config,event_type,route}';
  -- The acceptances that hold, by the part that they belong to; there are few, if any.
  v_accepted constant jsonb := (SELECT jsonb_object_agg(n.part, n.stamp) FROM (SELECT CASE WHEN a.class = ANY (v_registered) THEN 'registered' WHEN a.class = 'principal' THEN 'guards' ELSE 'deployed' END AS part, string_agg(a.decision_id::text, ',' ORDER BY a.decision_id) AS stamp FROM fn_dot_accepted() AS a GROUP BY 1) AS n);
BEGIN
  -- Vocabulary, and what else stands in the schema, serve no command.
  part := 'deployed';
  classes := '{schema,table,view,function,trigger,command}';
  stamp := concat_ws(' ', 'accepted ' || (v_accepted ->> part),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_namespace WHERE oid = v_schema),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_class WHERE relnamespace = v_schema),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_attribute WHERE attrelid >= 16384 AND attnum > 0),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_attrdef WHERE adrelid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_constraint WHERE connamespace = v_schema),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_index WHERE indrelid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_trigger WHERE tgrelid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_rewrite WHERE ev_class >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_policy),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_sequence),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_proc WHERE oid >= 16384 AND pronamespace = v_schema),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_description WHERE objoid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM dot_iu_command),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM dot_inventory AS i WHERE i.class <> ALL (v_registered || '{principal}'::text[])));
  RETURN NEXT;
  -- Which commands these serve is told by what was deployed.
  part := 'registered';
  classes := v_registered;
  stamp := concat_ws(' ', stamp, 'accepted ' || (v_accepted ->> part),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM dot_config),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM iu_event_type),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM iu_outbound_route),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM dot_inventory AS i WHERE i.class = ANY (v_registered)));
  RETURN NEXT;
  part := 'guards';
  classes := '{principal}';
  -- Roles stand in a table that only an administrator may read; what shows of them is little.
  stamp := concat_ws(' ', 'accepted ' || (v_accepted ->> part), pg_conf_load_time(), current_setting('fsync'), current_setting('full_page_writes'),
    (SELECT sum(hash_record_extended(r, 0)) FROM pg_roles AS r),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_auth_members),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_db_role_setting),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_database WHERE datname = current_database()),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_parameter_acl),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_default_acl),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_event_trigger),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_publication),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_publication_rel),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_publication_namespace),
    (SELECT sum(hash_array_extended(ARRAY[oid], 0)) FROM pg_subscription),
    (SELECT sum(hashtextextended(slot_name, 0)) FROM pg_replication_slots),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_inherits),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_foreign_table),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_class WHERE oid >= 16384 AND relkind <> 't' AND relnamespace <> v_schema),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_attrdef WHERE adrelid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_rewrite WHERE ev_class >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_trigger WHERE tgrelid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_policy),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_constraint WHERE connamespace <> v_schema),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_cast WHERE oid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_proc WHERE oid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM dot_inventory AS i WHERE i.class = 'principal'));
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_stamp() IS 'The three parts that are compared before a command is carried out, each with its classes and a stamp that any change to them changes: what only a deploy makes, what commands register and switch, and what guards them from outside; milliseconds, where comparing takes ten times as long';
REVOKE ALL ON FUNCTION iu_core.fn_dot_stamp() FROM PUBLIC;

-- requires: iu_core
CREATE OR REPLACE FUNCTION iu_core.fn_dot_works_in_drift(p_command text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT p_command ~ '^dot_iu_(close|disable|revoke|stop)_' OR p_command IN ('dot_iu_run_probe', 'dot_iu_accept_deviation', 'dot_iu_withdraw_acceptance') $$;
COMMENT ON FUNCTION iu_core.fn_dot_works_in_drift(text) IS 'Whether a command shuts something, only tries and takes it back, or decides on drift itself: such a one is never refused for drift';
REVOKE ALL ON FUNCTION iu_core.fn_dot_works_in_drift(text) FROM PUBLIC;

-- A function that returns one column more is made anew, and with it the view that reads it.
DROP VIEW iu_core.v_dot_drift;
DROP FUNCTION iu_core.fn_dot_drift();
-- requires: fn_dot_compare, iu_core
-- VOLATILE as the comparison is.
CREATE FUNCTION iu_core.fn_dot_drift()
RETURNS TABLE (class text, identity text, state text, expected text, live text, statement text, suggested_action text, digest text)
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH compared AS MATERIALIZED (SELECT fn_dot_compare() AS c)
  SELECT o.class, o.identity, o.state, o.expected, o.live, o.statement, o.suggested_action, o.digest
  FROM compared CROSS JOIN LATERAL jsonb_to_recordset(c -> 'objects') AS o(class text, identity text, state text, expected text, live text, statement text, suggested_action text, digest text)
  UNION ALL
  SELECT NULL, NULL, 'unknown', NULL, NULL, NULL, c ->> 'why', NULL FROM compared WHERE c ->> 'digest' IS NULL
$$;
COMMENT ON FUNCTION iu_core.fn_dot_drift() IS 'The live schema against the inventory: a row for each object that is missing, unexpected, changed or unknown, and not accepted so; one row without a class where nothing can be said now';
REVOKE ALL ON FUNCTION iu_core.fn_dot_drift() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_dot_drift() TO iu_reader;

-- requires: fn_dot_compare, iu_core
CREATE OR REPLACE VIEW iu_core.v_dot_comparison AS
SELECT k.checked_at, k.state, k.digest, k.expected, k.matching, k.drift, k.unknown, k.why, k.checks, k.objects, k.summary, k.accepted
FROM jsonb_to_record(iu_core.fn_dot_compare()) AS k(checked_at timestamptz, state text, digest text, expected integer, matching integer, drift integer, unknown integer, why text, checks jsonb, objects jsonb, summary text, accepted jsonb);
COMMENT ON VIEW iu_core.v_dot_comparison IS 'One comparison as a whole: state (matches, accepted, drift, unknown and why), how many objects are expected, match, have drifted and are unknown, and the same in a sentence, SHA-256 over the catalogue, and what v_dot_conformance, v_dot_drift and v_dot_accepted would have told at that moment';
GRANT SELECT ON iu_core.v_dot_comparison TO iu_reader;

-- requires: fn_iu_contract, fn_iu_directus_state, iu_console_process, v_iu_exporter, v_iu_export_pending, v_dot_comparison
-- VOLATILE as the comparison is.
CREATE OR REPLACE FUNCTION iu_core.fn_iu_sync_layers()
RETURNS TABLE (layer_code text, state text, seen_at timestamptz, saw text, digest text, behind integer, detail text)
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH contract AS MATERIALIZED (
    SELECT c.contract_unit, c.contract_digest, c.applied_at FROM (VALUES (1)) AS one(n) LEFT JOIN fn_iu_contract() AS c ON true
  ), consoles AS (
    SELECT count(*)::integer AS n, (count(*) FILTER (WHERE p.contract_digest IS DISTINCT FROM c.contract_digest))::integer AS others, max(p.last_seen_at) AS seen_at,
           -- The one that differs, where there is one.
           (array_agg(p.contract_unit ORDER BY p.contract_digest IS DISTINCT FROM c.contract_digest DESC, p.last_seen_at DESC))[1] AS saw,
           (array_agg(p.contract_digest ORDER BY p.contract_digest IS DISTINCT FROM c.contract_digest DESC, p.last_seen_at DESC))[1] AS digest
    FROM iu_console_process AS p, contract AS c WHERE p.last_seen_at >= clock_timestamp() - interval '20 seconds'
  ), folders AS (
    SELECT count(*)::integer AS n, coalesce(sum(pending), 0)::integer AS pending, coalesce(sum(edited), 0)::integer AS edited, coalesce(sum(unrendered), 0)::integer AS unrendered,
           coalesce(sum(pending + edited + unrendered), 0)::integer AS lacking, (count(*) FILTER (WHERE is_running))::integer AS running FROM v_iu_exporter
  ), exported AS (
    SELECT e.exported_at, k.canonical_address, encode(e.render_digest, 'hex') AS digest FROM iu_export AS e JOIN iu_collection AS k ON k.id = e.collection_id
    WHERE e.exported_at IS NOT NULL ORDER BY e.exported_at DESC LIMIT 1
  ), compared AS MATERIALIZED (
    SELECT state, digest, expected, matching, drift, why, objects, accepted FROM v_dot_comparison
  )
  SELECT 'database', CASE WHEN c.contract_digest IS NULL THEN 'unknown' ELSE CASE d.state WHEN 'matches' THEN 'in_step' WHEN 'accepted' THEN 'in_step' WHEN 'drift' THEN 'behind' ELSE 'unknown' END END, c.applied_at, c.contract_unit, d.digest,
         CASE WHEN c.contract_digest IS NOT NULL AND d.state <> 'unknown' THEN d.drift END,
         CASE WHEN c.contract_digest IS NULL THEN 'no unit is on record'
              WHEN d.state = 'matches' THEN format('all of %s objects are as deployed: drift 0', d.expected)
              WHEN d.state = 'accepted' THEN format('drift 0; accepted %s, until %s at the latest; %s of %s objects are as deployed', jsonb_array_length(d.accepted), (SELECT to_char(max((a ->> 'expires_at')::timestamptz) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"') FROM jsonb_array_elements(d.accepted) AS a), d.matching, d.expected)
              WHEN d.state = 'drift' THEN concat_ws('; ', format('drift %s, the first: %s', d.drift, (SELECT concat_ws(' ', o ->> 'class', o ->> 'identity', 'is', o ->> 'state') FROM jsonb_array_elements(d.objects) WITH ORDINALITY AS e(o, n) WHERE o ->> 'state' <> 'unknown' ORDER BY n LIMIT 1)), d.why)
              ELSE d.why END
  FROM contract AS c, compared AS d
  UNION ALL
  SELECT 'directus', d.state, NULL, NULL, d.digest, d.missing, d.detail FROM fn_iu_directus_state() AS d
  UNION ALL
  SELECT 'console', CASE WHEN s.n = 0 THEN 'not_connected' WHEN s.others > 0 THEN 'behind' ELSE 'in_step' END, s.seen_at, s.saw, s.digest, s.others,
         CASE WHEN s.n = 0 THEN 'no console has told in the last twenty seconds that it runs'
              WHEN s.others > 0 THEN format('%s of %s running consoles were built for another schema than %s', s.others, s.n, coalesce(c.contract_unit, 'none'))
              ELSE format('%s running, built for the schema that is deployed', s.n) END
  FROM consoles AS s, contract AS c
  UNION ALL
  SELECT 'knowledge_base', CASE WHEN f.n = 0 THEN 'not_connected' WHEN f.lacking > 0 THEN 'behind' ELSE 'in_step' END, x.exported_at, x.canonical_address, x.digest, f.lacking,
         CASE WHEN f.n = 0 THEN 'no folder is exported into'
              ELSE format('%s, %s; an exporter runs for %s', CASE f.n WHEN 1 THEN '1 folder' ELSE f.n || ' folders' END,
                          CASE WHEN f.lacking = 0 THEN 'every collection is in its files as it is now' ELSE concat_ws(', ',
                            CASE WHEN f.pending = 1 THEN '1 rendering is not in its files' WHEN f.pending > 1 THEN f.pending || ' renderings are not in their files' END,
                            CASE WHEN f.edited > 0 THEN f.edited || ' changed since it was rendered' END, CASE WHEN f.unrendered > 0 THEN f.unrendered || ' never rendered' END) END,
                          CASE f.running WHEN 0 THEN 'none' ELSE f.running::text END) END
  FROM folders AS f LEFT JOIN exported AS x ON true
  UNION ALL
  SELECT 'vector_index', 'not_connected', NULL, NULL, NULL, 0, 'no adapter is installed; the manifest files are what it will index'
$$;
COMMENT ON FUNCTION iu_core.fn_iu_sync_layers() IS 'Each layer as the evidence has it now: in_step, behind, not_connected or unknown, what it last saw and when, a digest, and how much it lacks';
REVOKE ALL ON FUNCTION iu_core.fn_iu_sync_layers() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_sync_layers() TO iu_reader;

-- requires: fn_dot_compare, iu_core
CREATE VIEW iu_core.v_dot_accepted AS
SELECT a.class, a.identity, a.state, a.digest, a.owner, a.reason, a.accepted_by, a.accepted_at, a.expires_at, a.expected, a.live, a.statement
FROM jsonb_to_recordset(iu_core.fn_dot_compare() -> 'accepted') AS a(class text, identity text, state text, digest text, owner text, reason text, accepted_by text, accepted_at timestamptz, expires_at timestamptz, expected text, live text, statement text);
COMMENT ON VIEW iu_core.v_dot_accepted IS 'Every object that is not as it was deployed and was accepted exactly so: by whom, who answers for it, why and until when; it is in v_dot_drift again when that time has come, or when it changes once more';
GRANT SELECT ON iu_core.v_dot_accepted TO iu_reader;

-- requires: fn_dot_compare, iu_core
CREATE OR REPLACE VIEW iu_core.v_dot_conformance AS
SELECT k.check_code, k.class, k.expected, k.present, k.missing, k.unexpected, k.changed, k.unknown, k.ok, k.matching, k.accepted
FROM jsonb_to_recordset(iu_core.fn_dot_compare() -> 'checks') AS k(check_code text, class text, expected integer, present integer, missing integer, unexpected integer, changed integer, unknown integer, ok boolean, matching integer, accepted integer)
ORDER BY length(k.check_code), 1;
COMMENT ON VIEW iu_core.v_dot_conformance IS 'D1 to D7: each class, expected (the inventory) against the live catalogue; D8: everything in the inventory, in both directions; D9: the classes D1 to D7 that are as they should be; D10: what guards the schema, against what bootstrap makes. matching + accepted + missing + unexpected + changed + unknown is what was compared. What is unknown or accepted is never ok';
GRANT SELECT ON iu_core.v_dot_conformance TO iu_reader;

-- requires: fn_dot_drift, iu_core
CREATE VIEW iu_core.v_dot_drift AS
SELECT class, identity, state, expected, live, statement, suggested_action, digest FROM iu_core.fn_dot_drift();
COMMENT ON VIEW iu_core.v_dot_drift IS 'Every object that is not as it was deployed and was not accepted so, with both definitions, the statement that puts it right, what to do, and the digest by which it can be accepted; no rows: no drift. A row without a class: nothing can be said now, and why';
GRANT SELECT ON iu_core.v_dot_drift TO iu_reader;

-- requires: dot_deviation_decision, fn_iu_append_only, iu_core
CREATE TRIGGER trg_dot_deviation_decision_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON iu_core.dot_deviation_decision
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_append_only();
COMMENT ON TRIGGER trg_dot_deviation_decision_append_only ON iu_core.dot_deviation_decision IS 'What was accepted is history.';
ALTER TABLE iu_core.dot_deviation_decision ENABLE ALWAYS TRIGGER trg_dot_deviation_decision_append_only;
