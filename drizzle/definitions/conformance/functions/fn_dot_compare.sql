-- requires: dot_inventory, fn_dot_accepted, fn_dot_catalogue, fn_dot_checks, fn_dot_deviation_digest, fn_dot_principals, fn_dot_principals_expected, fn_dot_repair, fn_dot_repairs, fn_dot_state, fn_dot_state_expected, iu_core
-- Everything that is told of a comparison comes from one statement, so that counts, drift and digest agree.
-- The comparison is made under the deployers' lock, shared, in a subtransaction that is taken back: no deploy
-- begins while it lasts (PostgreSQL spells definitions as they are now, and finds objects as they were when the
-- statement began), nothing is left held, and where a deploy is under way it is said so without looking.
-- VOLATILE, so that it sees what was committed when it has the lock.
CREATE FUNCTION iu_core.fn_dot_compare(p_classes text[] DEFAULT NULL)
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
