SET LOCAL search_path = pg_catalog, iu_core, pg_temp;
-- It has a column less.
DROP VIEW iu_core.v_iu_console_process;
CREATE VIEW iu_core.v_iu_console_process AS
 SELECT process_id,
    host,
    pid,
    contract_unit,
    contract_digest,
    started_at,
    last_seen_at,
    (last_seen_at < (clock_timestamp() - '00:00:20'::interval)) AS is_stale
   FROM iu_console_process;
ALTER VIEW v_iu_console_process OWNER TO iu_owner;
COMMENT ON VIEW v_iu_console_process IS 'Consoles that run, and the schema that each was built for; one that has been silent for twenty seconds is stale';
GRANT SELECT ON v_iu_console_process TO iu_reader;
CREATE OR REPLACE VIEW iu_core.v_dot_conformance AS
 WITH drift AS MATERIALIZED (
         SELECT fn_dot_drift.class,
            fn_dot_drift.state
           FROM fn_dot_drift() fn_dot_drift(class, identity, state, expected, live, statement, suggested_action)
        ), counted AS (
         SELECT k.check_code,
            k.class,
            i.n AS expected,
            (( SELECT count(*) AS count
                   FROM drift
                  WHERE (drift.class IS NULL)) > 0) AS is_dark,
            (count(d.state) FILTER (WHERE (d.state = 'missing'::text)))::integer AS missing,
            (count(d.state) FILTER (WHERE (d.state = 'unexpected'::text)))::integer AS unexpected,
            (count(d.state) FILTER (WHERE (d.state = 'changed'::text)))::integer AS changed,
            (count(d.state) FILTER (WHERE (d.state = 'unknown'::text)))::integer AS unknown
           FROM ((( VALUES ('D1'::text,'table'::text), ('D2'::text,'view'::text), ('D3'::text,'function'::text), ('D4'::text,'trigger'::text), ('D5'::text,'config'::text), ('D6'::text,'event_type'::text), ('D7'::text,'route'::text), ('D8'::text,'drift'::text)) k(check_code, class)
             CROSS JOIN LATERAL ( SELECT (count(*))::integer AS n
                   FROM dot_inventory i_1
                  WHERE ((i_1.class = k.class) OR (k.class = 'drift'::text))) i)
             LEFT JOIN drift d ON (((d.class = k.class) OR ((k.class = 'drift'::text) AND (d.class IS NOT NULL)))))
          GROUP BY k.check_code, k.class, i.n
        ), checked AS (
         SELECT counted.check_code,
            counted.class,
            counted.expected,
                CASE
                    WHEN counted.is_dark THEN 0
                    ELSE ((counted.expected - counted.missing) - counted.unknown)
                END AS present,
            counted.missing,
            counted.unexpected,
            counted.changed,
                CASE
                    WHEN counted.is_dark THEN GREATEST(counted.expected, 1)
                    ELSE counted.unknown
                END AS unknown,
            ((NOT counted.is_dark) AND ((((counted.missing + counted.unexpected) + counted.changed) + counted.unknown) = 0) AND (counted.expected > 0)) AS ok
           FROM counted
        )
 SELECT checked.check_code,
    checked.class,
    checked.expected,
    checked.present,
    checked.missing,
    checked.unexpected,
    checked.changed,
    checked.unknown,
    checked.ok
   FROM checked
UNION ALL
 SELECT 'D9'::text AS check_code,
    'class'::text AS class,
    (count(*))::integer AS expected,
    (count(*) FILTER (WHERE checked.ok))::integer AS present,
    0 AS missing,
    0 AS unexpected,
    (count(*) FILTER (WHERE ((NOT checked.ok) AND (checked.unknown = 0))))::integer AS changed,
    (count(*) FILTER (WHERE (checked.unknown > 0)))::integer AS unknown,
    bool_and(checked.ok) AS ok
   FROM checked
  WHERE (checked.class <> 'drift'::text)
  ORDER BY 1;
ALTER VIEW v_dot_conformance OWNER TO iu_owner;
COMMENT ON VIEW v_dot_conformance IS 'D1 to D7: each class, expected (the inventory) against the live catalogue; D8: everything in the inventory, in both directions; D9: the classes that are as they should be. What is unknown is never ok';
GRANT SELECT ON v_dot_conformance TO iu_reader;
CREATE OR REPLACE FUNCTION iu_core.fn_iu_sync_layers()
 RETURNS TABLE(layer_code text, state text, seen_at timestamp with time zone, saw text, digest text, behind integer, detail text)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  WITH contract AS MATERIALIZED (
    SELECT c.contract_unit, c.contract_digest, c.applied_at FROM (VALUES (1)) AS one(n) LEFT JOIN fn_iu_contract() AS c ON true
  ), consoles AS (
    SELECT count(*)::integer AS n, (count(*) FILTER (WHERE p.contract_digest IS DISTINCT FROM c.contract_digest))::integer AS others, max(p.last_seen_at) AS seen_at,
           -- The one that differs, where there is one.
           (array_agg(p.contract_unit ORDER BY p.contract_digest IS DISTINCT FROM c.contract_digest DESC, p.last_seen_at DESC))[1] AS saw,
           (array_agg(p.contract_digest ORDER BY p.contract_digest IS DISTINCT FROM c.contract_digest DESC, p.last_seen_at DESC))[1] AS digest
    FROM iu_console_process AS p, contract AS c WHERE p.last_seen_at >= clock_timestamp() - interval '20 seconds'
  ), folders AS (
    SELECT count(*)::integer AS n, coalesce(sum(pending), 0)::integer AS pending, (count(*) FILTER (WHERE is_running))::integer AS running FROM v_iu_exporter
  ), exported AS (
    SELECT e.exported_at, k.canonical_address, encode(e.render_digest, 'hex') AS digest FROM iu_export AS e JOIN iu_collection AS k ON k.id = e.collection_id
    WHERE e.exported_at IS NOT NULL ORDER BY e.exported_at DESC LIMIT 1
  ), works AS MATERIALIZED (
    SELECT bool_and(ok) AS ok, string_agg(check_code || ' ' || name || ': ' || detail, '; ' ORDER BY check_code) FILTER (WHERE NOT ok) AS wrong,
           (count(*) FILTER (WHERE NOT ok))::integer AS n FROM v_iu_works
  )
  SELECT 'database', CASE WHEN c.contract_digest IS NOT NULL AND w.ok THEN 'in_step' ELSE 'behind' END, c.applied_at, c.contract_unit, c.contract_digest, w.n,
         coalesce(w.wrong, CASE WHEN c.contract_digest IS NULL THEN 'no unit is on record' ELSE 'what is installed works: W1 to W9 hold' END)
  FROM contract AS c, works AS w
  UNION ALL
  SELECT 'directus', d.state, NULL, NULL, d.digest, d.missing, d.detail FROM fn_iu_directus_state() AS d
  UNION ALL
  SELECT 'console', CASE WHEN s.n = 0 THEN 'not_connected' WHEN s.others > 0 THEN 'behind' ELSE 'in_step' END, s.seen_at, s.saw, s.digest, s.others,
         CASE WHEN s.n = 0 THEN 'no console has told in the last twenty seconds that it runs'
              WHEN s.others > 0 THEN format('%s of %s running consoles were built for another schema than %s', s.others, s.n, coalesce(c.contract_unit, 'none'))
              ELSE format('%s running, built for the schema that is deployed', s.n) END
  FROM consoles AS s, contract AS c
  UNION ALL
  SELECT 'knowledge_base', CASE WHEN f.n = 0 THEN 'not_connected' WHEN f.pending > 0 THEN 'behind' ELSE 'in_step' END, x.exported_at, x.canonical_address, x.digest, f.pending,
         CASE WHEN f.n = 0 THEN 'no folder is exported into'
              ELSE format('%s, %s; an exporter runs for %s', CASE f.n WHEN 1 THEN '1 folder' ELSE f.n || ' folders' END,
                          CASE f.pending WHEN 0 THEN 'every rendering is in its files' WHEN 1 THEN '1 rendering is not in its files' ELSE f.pending || ' renderings are not in their files' END,
                          CASE f.running WHEN 0 THEN 'none' ELSE f.running::text END) END
  FROM folders AS f LEFT JOIN exported AS x ON true
  UNION ALL
  SELECT 'vector_index', 'not_connected', NULL, NULL, NULL, 0, 'no adapter is installed; the manifest files are what it will index'
$function$;
ALTER FUNCTION fn_iu_sync_layers() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_sync_layers() IS 'Each layer as the evidence has it now: in_step, behind or not_connected, what it last saw and when, a digest, and how much it lacks';
GRANT EXECUTE ON FUNCTION fn_iu_sync_layers() TO iu_reader;
DROP VIEW iu_core.v_dot_comparison;
CREATE OR REPLACE FUNCTION iu_core.fn_iu_contract()
 RETURNS TABLE(contract_unit text, contract_digest text, applied_at timestamp with time zone)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  IF to_regclass('iu_deploy.applied_unit') IS NOT NULL THEN
    RETURN QUERY EXECUTE $q$
      SELECT (array_agg(tag ORDER BY number DESC))[1], encode(sha256(convert_to(string_agg(tag || ' ' || hash || chr(10), '' ORDER BY number), 'UTF8')), 'hex'), max(applied_at)
      FROM iu_deploy.applied_unit HAVING count(*) > 0$q$;
  END IF;
END
$function$;
ALTER FUNCTION fn_iu_contract() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_contract() IS 'What this database is at: its newest unit, SHA-256 over the tags and hashes of all applied units, and when the newest was applied; no row where no unit is on record';
REVOKE EXECUTE ON FUNCTION fn_iu_contract() FROM iu_reader;
CREATE OR REPLACE FUNCTION iu_core.fn_dot_drift_served(p_drift jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  WITH RECURSIVE drifted AS MATERIALIZED (
    SELECT d ->> 0 AS class, d ->> 1 AS identity FROM jsonb_array_elements(p_drift) AS d
  ), named AS MATERIALIZED (
    SELECT class, split_part(identity, '(', 1) AS name,
           -- Without its comments: they speak of others.
           regexp_replace(split_part(split_part(definition, E'\nALTER FUNCTION ', 1), E'\nCOMMENT ON ', 1), '--[^\n]*', '', 'g') AS said
    FROM dot_inventory WHERE class IN ('table', 'view', 'function', 'trigger')
  ), users AS MATERIALIZED (
    SELECT DISTINCT CASE n.class WHEN 'trigger' THEN split_part(n.name, ' on ', 2) ELSE n.name END AS name, w[1] AS used
    FROM named AS n CROSS JOIN LATERAL regexp_matches(n.said, '\w+', 'g') AS w
    WHERE n.name !~ '^(fn_dot_(catalogue|drift|fingerprints|inventory|repair|stamp|state)|v_dot_(conformance|drift))' AND EXISTS (SELECT FROM named AS k WHERE k.name = w[1])
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
      UNION ALL SELECT d.class || ' ' || d.identity FROM drifted AS d WHERE d.class = 'schema' OR d.class = 'command' AND d.identity = c.command_code OR d.class = 'config' AND d.identity = ANY (c.gates)
    ) AS o
    ORDER BY c.command_code, o.object COLLATE "C"
  ) AS s
$function$;
ALTER FUNCTION fn_dot_drift_served(jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_drift_served(jsonb) IS 'The commands that drifted objects ([class, identity] each) serve, by handler, dispatcher, triggers and gates, however indirectly: {"command": "class identity"}';
CREATE OR REPLACE FUNCTION iu_core.fn_dot_drift()
 RETURNS TABLE(class text, identity text, state text, expected text, live text, statement text, suggested_action text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET lock_timeout TO '500ms'
AS $function$
#variable_conflict use_column
DECLARE
  v_major constant integer := current_setting('server_version_num')::integer / 10000;
  v_found jsonb;
  v_why text;
  v_what text;
BEGIN
  BEGIN
    IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
      v_why := format('a comparison under %s sees an older schema than there is', upper(current_setting('transaction_isolation')));
      v_what := 'Read it under READ COMMITTED.';
    ELSIF NOT pg_try_advisory_xact_lock_shared(hashtext('iu_core deploy')) THEN
      v_why := 'a deploy is under way';
      v_what := 'Wait until it has ended.';
    ELSIF NOT EXISTS (SELECT FROM dot_inventory) THEN
      v_why := 'the inventory is empty';
      v_what := 'Run iu db deploy: it builds the units beside this database and registers what they make.';
    ELSIF EXISTS (SELECT FROM dot_inventory WHERE server_major <> v_major) THEN
      v_why := format('the inventory was spelled by PostgreSQL %s and this is %s', (SELECT string_agg(DISTINCT server_major::text, ', ') FROM dot_inventory WHERE server_major <> v_major), v_major);
      v_what := 'Run iu db deploy: it builds the units beside this database and registers what they make.';
    ELSE
      SELECT coalesce(jsonb_agg(jsonb_build_object('class', d.class, 'identity', d.identity, 'state', d.state, 'expected', d.expected, 'live', d.live, 'statement', d.statement, 'action', d.action)), '[]') INTO v_found
      FROM (
        SELECT class, identity, j.state,
               -- Beside a definition that is as it should be, its switches say what differs.
               concat_ws(chr(10), i.definition, w.said) AS expected, concat_ws(chr(10), c.definition, v.said) AS live,
               CASE WHEN j.state <> 'unknown' THEN concat_ws(chr(10), 'SET search_path = iu_core, pg_catalog, pg_temp;',
                 CASE WHEN i.digest IS DISTINCT FROM c.digest THEN fn_dot_repair(class, identity, i.definition, i.facts, c.definition, c.facts) END,
                 CASE WHEN i.digest IS NOT NULL AND (w.said IS NOT NULL OR c.digest IS NULL) THEN w.sql END) END AS statement,
               CASE j.state
                 WHEN 'unknown' THEN CASE WHEN i.digest = sha256(convert_to(i.definition, 'UTF8')) THEN 'Give its table back to its owner: it cannot be read.' ELSE 'Run iu db deploy: it builds the units beside this database and registers what they make.' END
                 WHEN 'missing' THEN 'Make it again with the statement, or roll back what dropped it.'
                 WHEN 'unexpected' THEN CASE WHEN class IN ('event_type', 'route') THEN 'Remove it with the statement, or register it by command.' ELSE 'Drop it with the statement, or write a unit that makes it.' END
                 ELSE CASE WHEN i.digest = c.digest AND class = 'config' THEN 'Set the gate by command: close it, or open it with a reason.'
                           WHEN i.digest = c.digest AND class = 'route' THEN 'Switch the route by command, or with the statement.'
                           WHEN i.digest = c.digest THEN 'Put the switch back with the statement, or switch it by command.'
                           ELSE 'Put it back with the statement, or write a unit that makes it so.' END END AS action
        FROM dot_inventory AS i
        FULL JOIN (SELECT f.*, sha256(convert_to(f.definition, 'UTF8')) AS digest FROM fn_dot_catalogue() AS f) AS c USING (class, identity)
        LEFT JOIN (SELECT x.class, x.identity, x.switched, x.run_id FROM fn_dot_state_expected() AS x) AS e USING (class, identity)
        LEFT JOIN (SELECT x.class, x.identity, x.switched FROM fn_dot_state() AS x) AS s USING (class, identity)
        CROSS JOIN LATERAL (
          SELECT CASE WHEN i.class IS NULL THEN 'unexpected' WHEN i.digest IS NULL OR i.digest <> sha256(convert_to(i.definition, 'UTF8')) THEN 'unknown'
                      -- Its table is there and belongs to somebody else.
                      WHEN c.class IS NULL AND NOT has_table_privilege(to_regclass(CASE class WHEN 'config' THEN 'dot_config' WHEN 'event_type' THEN 'iu_event_type' WHEN 'route' THEN 'iu_outbound_route'
                        WHEN 'vocabulary' THEN 'iu_vocabulary' WHEN 'command' THEN 'dot_iu_command' END), 'SELECT') THEN 'unknown'
                      WHEN c.class IS NULL THEN 'missing' WHEN i.digest <> c.digest OR e.switched IS DISTINCT FROM s.switched THEN 'changed' END AS state
        ) AS j
        CROSS JOIN LATERAL (
          SELECT CASE WHEN e.switched IS DISTINCT FROM s.switched AND i.class IS NOT NULL AND c.class IS NOT NULL
                      THEN format('-- switched: %s, as %s', coalesce(e.switched::text, '{}'), coalesce(format('run %s left it', e.run_id), 'it was made')) END AS said,
                 CASE class
                   WHEN 'trigger' THEN format('ALTER TABLE %s %s TRIGGER %s;', split_part(identity, ' on ', 2), CASE e.switched ->> 'enabled' WHEN 'D' THEN 'DISABLE' ELSE 'ENABLE' END, split_part(identity, ' on ', 1))
                   WHEN 'config' THEN format('SELECT fn_iu_gate_set(%L, %L, ''as the ledger has it'', %L);', identity, e.switched ->> 'value', e.switched ->> 'expires_at')
                   WHEN 'route' THEN format('UPDATE iu_outbound_route SET enabled = %L, dry_run = %L WHERE route_code = %L;', e.switched ->> 'enabled', e.switched ->> 'dry_run', identity)
                   WHEN 'table' THEN format('ALTER TABLE %I ENABLE TRIGGER ALL;', identity) END AS sql
        ) AS w
        CROSS JOIN LATERAL (SELECT CASE WHEN w.said IS NOT NULL THEN format('-- switched: %s', coalesce(s.switched::text, '{}')) END AS said) AS v
        WHERE j.state IS NOT NULL
      ) AS d;
    END IF;
    RAISE EXCEPTION 'taken back' USING ERRCODE = 'XPLAN';
  EXCEPTION
    WHEN SQLSTATE 'XPLAN' THEN
      NULL;
    WHEN lock_not_available THEN
      v_why := 'another session is changing an object of the schema';
      v_what := 'Wait until it has ended.';
    WHEN OTHERS THEN
      v_why := format('the comparison failed: %s', SQLERRM);
      v_what := 'Read the catalogue with iu db dump, which says where it fails.';
  END;
  IF v_found IS NULL THEN
    RETURN QUERY SELECT NULL::text, NULL::text, 'unknown', NULL::text, NULL::text, NULL::text, concat_ws(' ', upper(left(v_why, 1)) || substr(v_why, 2) || '.', v_what);
    RETURN;
  END IF;
  RETURN QUERY
  SELECT f ->> 'class', f ->> 'identity', f ->> 'state', f ->> 'expected', f ->> 'live', f ->> 'statement', f ->> 'action'
  FROM jsonb_array_elements(v_found) AS f
  -- As the statements can be run.
  ORDER BY array_position('{schema,table,function,view,trigger,vocabulary,config,event_type,route,command,other}', f ->> 'class'), 2;
END
$function$;
ALTER FUNCTION fn_dot_drift() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_drift() IS 'The live schema against the inventory: a row for each object that is missing, unexpected, changed or unknown; one row without a class where nothing can be said now. Waits for nobody longer than half a second';
GRANT EXECUTE ON FUNCTION fn_dot_drift() TO iu_reader;
DROP FUNCTION iu_core.fn_dot_compare();
CREATE OR REPLACE FUNCTION iu_core.fn_dot_repair(p_class text, p_identity text, p_expected text, p_expected_facts text, p_live text, p_live_facts text)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_data constant text := CASE p_class WHEN 'config' THEN 'dot_config' WHEN 'event_type' THEN 'iu_event_type' WHEN 'route' THEN 'iu_outbound_route' WHEN 'vocabulary' THEN 'iu_vocabulary' WHEN 'command' THEN 'dot_iu_command' END;
  v_drop constant text := CASE
    WHEN v_data IS NOT NULL THEN format('DELETE FROM %I WHERE %s = %L;', v_data, CASE p_class WHEN 'config' THEN 'key' WHEN 'route' THEN 'route_code' WHEN 'command' THEN 'command_code'
      WHEN 'vocabulary' THEN 'term_class || '' '' || term' ELSE 'event_type' END, p_identity)
    WHEN p_class = 'trigger' THEN format('DROP TRIGGER %s;', replace(p_identity, ' on ', ' ON '))
    WHEN p_class = 'function' AND p_live ~* '^CREATE OR REPLACE PROCEDURE' THEN format('DROP PROCEDURE %s;', p_identity)
    WHEN p_class = 'other' AND p_identity LIKE 'default privileges%' THEN format('-- ALTER DEFAULT PRIVILEGES takes back: %s', p_live)
    WHEN p_class = 'other' THEN format('DROP %s %s;', upper(p_live_facts), substr(p_identity, length(p_live_facts) + 2))
    ELSE format('DROP %s %s;', upper(p_class), p_identity) END;
  -- Rights on the object that a new one would not have.
  v_grants constant text := (
    SELECT string_agg(CASE WHEN line LIKE 'GRANT %' THEN regexp_replace(regexp_replace(line, '^GRANT ', 'REVOKE '), '^(REVOKE .* )TO (\S+?)(?: WITH GRANT OPTION)?;$', '\1FROM \2;')
                           ELSE regexp_replace(regexp_replace(line, '^REVOKE ', 'GRANT '), ' FROM (\S+);$', ' TO \1;') END, chr(10) ORDER BY n)
    FROM regexp_split_to_table(coalesce(p_live, ''), E'\n') WITH ORDINALITY AS l(line, n)
    WHERE line ~ '^(GRANT|REVOKE) .* ON .*;$' AND NOT line = ANY (string_to_array(coalesce(p_expected, ''), E'\n')));
  v_signature constant text := '^.*?\)\n RETURNS [^\n]*';
  v_old text[];
  v_new text[];
  v_line text;
  v_name text;
  v_was text;
  v_parts text[];
  v_first text[] := '{}';
  v_last text[] := '{}';
BEGIN
  IF p_expected IS NULL THEN
    RETURN v_drop;
  ELSIF p_live IS NULL THEN
    RETURN p_expected || CASE WHEN p_class = 'function' THEN E'\n' || format('REVOKE ALL ON FUNCTION %s FROM PUBLIC;', p_identity) ||
      coalesce(E'\n' || (SELECT string_agg(l, E'\n') FROM regexp_split_to_table(p_expected, E'\n') AS l WHERE l LIKE 'GRANT % ON FUNCTION % TO PUBLIC;'), '') ELSE '' END;
  ELSIF v_data IS NOT NULL THEN
    RETURN p_expected;
  ELSIF p_class = 'trigger' THEN
    RETURN v_drop || E'\n' || p_expected;
  ELSIF p_class = 'function' THEN
    RETURN concat_ws(E'\n', CASE WHEN substring(p_expected FROM v_signature) IS DISTINCT FROM substring(p_live FROM v_signature) THEN v_drop || E'\n' || p_expected || format(E'\nREVOKE ALL ON FUNCTION %s FROM PUBLIC;', p_identity)
                                 ELSE p_expected || coalesce(E'\n' || v_grants, '') END, CASE WHEN p_expected !~ E'\nCOMMENT ON ' THEN format('COMMENT ON FUNCTION %s IS NULL;', p_identity) END);
  ELSIF p_class = 'view' THEN
    -- The same columns: what stands upon it need not go.
    RETURN CASE WHEN regexp_replace(p_expected_facts, '^.*; ', '') = regexp_replace(p_live_facts, '^.*; ', '') AND p_live !~ E'\n(CREATE RULE|ALTER VIEW [^\n]* SET DEFAULT)'
      THEN concat_ws(E'\n', CASE WHEN p_live ~ E'^CREATE VIEW [^\n]* WITH \\(' THEN format('ALTER VIEW %I RESET (security_barrier, security_invoker, check_option);', p_identity) END,
             regexp_replace(p_expected, '^CREATE VIEW', 'CREATE OR REPLACE VIEW'), v_grants)
      ELSE v_drop || E'\n' || p_expected END;
  END IF;

  v_old := regexp_split_to_array(p_live, E',?\n');
  v_new := regexp_split_to_array(p_expected, E',?\n');
  FOREACH v_line IN ARRAY v_old LOOP
    CONTINUE WHEN v_line = ANY (v_new) OR v_line ~ '^(CREATE TABLE|\)|ALTER TABLE \S+ OWNER|COMMENT|GRANT|REVOKE|REINDEX|ALTER SEQUENCE)';
    v_name := substring(v_line FROM '^  (?:CONSTRAINT )?("(?:[^"]|"")+"|\S+) ');
    IF v_line LIKE '  CONSTRAINT %' THEN
      v_first := v_first || format('ALTER TABLE %I DROP CONSTRAINT %s;', p_identity, v_name);
    ELSIF v_line LIKE '  %' THEN
      IF NOT EXISTS (SELECT FROM unnest(v_new) AS n WHERE starts_with(n, '  ' || v_name || ' ')) THEN
        v_last := v_last || format('ALTER TABLE %I DROP COLUMN %s;', p_identity, v_name);
      END IF;
    ELSIF v_line ~ '^CREATE (UNIQUE )?INDEX ' THEN
      v_first := v_first || format('DROP INDEX %s;', substring(v_line FROM 'INDEX (\S+) ON'));
    ELSIF v_line LIKE 'CREATE POLICY %' THEN
      v_first := v_first || format('DROP POLICY %s ON %I;', substring(v_line FROM 'POLICY (\S+) ON'), p_identity);
    ELSIF v_line LIKE 'CREATE RULE %' THEN
      v_first := v_first || format('DROP RULE %s ON %I;', substring(v_line FROM 'RULE (\S+) AS'), p_identity);
    ELSIF v_line LIKE '% ROW LEVEL SECURITY;' THEN
      v_first := v_first || replace(replace(v_line, ' ENABLE ', ' DISABLE '), ' FORCE ', ' NO FORCE ');
    ELSIF v_line LIKE '% SET UNLOGGED;' THEN
      v_first := v_first || replace(v_line, 'UNLOGGED', 'LOGGED');
    ELSIF v_line LIKE '% REPLICA IDENTITY %' THEN
      v_first := v_first || format('ALTER TABLE %I REPLICA IDENTITY DEFAULT;', p_identity);
    ELSIF v_line LIKE '% INHERIT %' THEN
      v_first := v_first || replace(v_line, ' INHERIT ', ' NO INHERIT ');
    ELSIF v_line LIKE '% SET STATISTICS %' THEN
      v_first := v_first || regexp_replace(v_line, 'STATISTICS \S+;', 'STATISTICS -1;');
    ELSE
      v_first := v_first || format('-- not as deployed, by hand: %s', v_line);
    END IF;
  END LOOP;
  IF v_old[1] IS DISTINCT FROM v_new[1] OR substring(p_live FROM E'\n\\)[^\n]*') IS DISTINCT FROM substring(p_expected FROM E'\n\\)[^\n]*') THEN
    v_first := v_first || (SELECT array_agg(format('ALTER TABLE %I RESET (%s);', p_identity, split_part(btrim(o), '=', 1)))
                           FROM regexp_split_to_table(substring(p_live FROM E'\n\\) WITH \\(([^\n]*)\\);'), ',') AS o);
    v_last := v_last || (format('ALTER TABLE %I SET (', p_identity) || substring(p_expected FROM E'\n\\) WITH \\(([^\n]*)\\);') || ');');
  END IF;
  FOREACH v_line IN ARRAY v_new LOOP
    CONTINUE WHEN v_line = ANY (v_old) OR v_line ~ '^(CREATE TABLE|\))';
    v_name := substring(v_line FROM '^  ("(?:[^"]|"")+"|\S+) ');
    IF v_line LIKE '  CONSTRAINT %' THEN
      v_last := v_last || format('ALTER TABLE %I ADD %s;', p_identity, btrim(v_line));
    ELSIF v_line LIKE '  %' THEN
      v_was := (SELECT o FROM unnest(v_old) AS o WHERE starts_with(o, '  ' || v_name || ' '));
      IF v_was IS NULL THEN
        v_first := v_first || format('ALTER TABLE %I ADD COLUMN %s;', p_identity, btrim(v_line));
      ELSE
        -- type, default, NOT NULL
        v_parts := ARRAY[substr(v_line, length(v_name) + 4), NULL, substring(v_line FROM ' NOT NULL$')];
        v_parts[1] := regexp_replace(v_parts[1], ' NOT NULL$', '');
        IF v_parts[1] LIKE '% DEFAULT %' THEN
          v_parts := ARRAY[split_part(v_parts[1], ' DEFAULT ', 1), substr(v_parts[1], strpos(v_parts[1], ' DEFAULT ') + 9), v_parts[3]];
        END IF;
        v_first := v_first || ARRAY[
          CASE WHEN regexp_replace(v_was, '( DEFAULT .*| NOT NULL)$', '') <> regexp_replace(v_line, '( DEFAULT .*| NOT NULL)$', '')
            THEN format('ALTER TABLE %I ALTER COLUMN %s DROP DEFAULT, ALTER COLUMN %2$s TYPE %s USING %2$s::%s;', p_identity, v_name, v_parts[1], regexp_replace(v_parts[1], ' COLLATE .*$', '')) END,
          format('ALTER TABLE %I ALTER COLUMN %s %s;', p_identity, v_name, CASE WHEN v_parts[2] IS NULL THEN 'DROP DEFAULT' ELSE 'SET DEFAULT ' || v_parts[2] END),
          format('ALTER TABLE %I ALTER COLUMN %s %s NOT NULL;', p_identity, v_name, CASE WHEN v_parts[3] IS NULL THEN 'DROP' ELSE 'SET' END)];
      END IF;
    ELSE
      v_last := v_last || v_line;
    END IF;
  END LOOP;
  RETURN concat_ws(E'\n', array_to_string(v_first, E'\n'), nullif(array_to_string(v_last, E'\n'), ''), v_grants);
END
$function$;
ALTER FUNCTION fn_dot_repair(text,text,text,text,text,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_repair(text,text,text,text,text,text) IS 'The statements that make an object what it should be again, or take away one that should not be; with the search_path iu_core, pg_catalog';
DROP FUNCTION iu_core.fn_dot_checks(jsonb,jsonb);
