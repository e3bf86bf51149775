-- unit: schema

-- requires: iu_core
CREATE FUNCTION iu_core.fn_dot_checks(p_expected jsonb, p_drift jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH drift AS MATERIALIZED (
    SELECT d ->> 'class' AS class, d ->> 'state' AS state FROM jsonb_array_elements(p_drift) AS d
  ), counted AS (
    SELECT k.check_code, k.class, i.n AS expected,
           (count(d.state) FILTER (WHERE d.state = 'missing'))::integer AS missing, (count(d.state) FILTER (WHERE d.state = 'unexpected'))::integer AS unexpected,
           (count(d.state) FILTER (WHERE d.state = 'changed'))::integer AS changed, (count(d.state) FILTER (WHERE d.state = 'unknown'))::integer AS unknown
    FROM (VALUES ('D1', 'table'), ('D2', 'view'), ('D3', 'function'), ('D4', 'trigger'), ('D5', 'config'), ('D6', 'event_type'), ('D7', 'route'), ('D8', 'drift')) AS k(check_code, class)
    CROSS JOIN LATERAL (SELECT coalesce(sum(value::integer), 0)::integer AS n FROM jsonb_each_text(p_expected) WHERE key = k.class OR k.class = 'drift') AS i
    LEFT JOIN drift AS d ON d.class = k.class OR k.class = 'drift'
    GROUP BY k.check_code, k.class, i.n
  ), checked AS (
    SELECT check_code, class, expected, CASE WHEN p_drift IS NULL THEN 0 ELSE expected - missing - unknown END AS present, missing, unexpected, changed,
           CASE WHEN p_drift IS NULL THEN greatest(expected, 1) ELSE unknown END AS unknown,
           p_drift IS NOT NULL AND missing + unexpected + changed + unknown = 0 AND expected > 0 AS ok
    FROM counted
  )
  SELECT jsonb_agg(to_jsonb(c) ORDER BY c.check_code)
  FROM (
    SELECT * FROM checked
    UNION ALL
    SELECT 'D9', 'class', count(*)::integer, (count(*) FILTER (WHERE ok))::integer, 0, 0, (count(*) FILTER (WHERE NOT ok AND unknown = 0))::integer, (count(*) FILTER (WHERE unknown > 0))::integer, bool_and(ok) FROM checked WHERE class <> 'drift'
  ) AS c
$$;
COMMENT ON FUNCTION iu_core.fn_dot_checks(jsonb, jsonb) IS 'The checks D1 to D9 of a comparison: of {"class": how many are expected} and what has drifted (null: nothing can be said, and all is unknown)';
REVOKE ALL ON FUNCTION iu_core.fn_dot_checks(jsonb, jsonb) FROM PUBLIC;

-- requires: iu_core
-- Written for a person to read before it is run. A function, view, trigger or row is made again as a whole; of a
-- table, which holds rows, only the lines that differ are put right.
CREATE OR REPLACE FUNCTION iu_core.fn_dot_repair(p_class text, p_identity text, p_expected text, p_expected_facts text, p_live text, p_live_facts text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_data constant text := CASE p_class WHEN 'config' THEN 'dot_config' WHEN 'event_type' THEN 'iu_event_type' WHEN 'route' THEN 'iu_outbound_route' WHEN 'vocabulary' THEN 'iu_vocabulary' WHEN 'command' THEN 'dot_iu_command' END;
  v_drop constant text := CASE
    WHEN v_data IS NOT NULL THEN format('DELETE FROM %I WHERE %s = %L;', v_data, CASE p_class WHEN 'config' THEN 'key' WHEN 'route' THEN 'route_code' WHEN 'command' THEN 'command_code'
      WHEN 'vocabulary' THEN 'term_class || '' '' || term' ELSE 'event_type' END, p_identity)
    WHEN p_class = 'trigger' THEN format('DROP TRIGGER %s;', replace(p_identity, ' on ', ' ON '))
    WHEN p_class = 'function' AND p_live ~* '^CREATE OR REPLACE PROCEDURE' THEN format('DROP PROCEDURE %s;', p_identity)
    WHEN p_class = 'other' AND p_identity LIKE 'default privileges%' THEN format('-- ALTER DEFAULT PRIVILEGES takes back: %s', p_live)
    WHEN p_class = 'other' THEN format('DROP %s %s;', upper(p_live_facts), substr(p_identity, length(p_live_facts) + 2))
    WHEN p_class IN ('table', 'view') THEN format('DROP %s %I;', upper(p_class), p_identity)
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
  RETURN concat_ws(E'\n', nullif(array_to_string(v_first, E'\n'), ''), nullif(array_to_string(v_last, E'\n'), ''), v_grants);
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_repair(text, text, text, text, text, text) IS 'The statements that make an object what it should be again, or take away one that should not be; with the search_path iu_core, pg_catalog';
REVOKE ALL ON FUNCTION iu_core.fn_dot_repair(text, text, text, text, text, text) FROM PUBLIC;

-- requires: dot_inventory, fn_dot_catalogue, fn_dot_checks, fn_dot_repair, fn_dot_state, fn_dot_state_expected, iu_core
-- Everything that is told of a comparison comes from one statement, so that counts, drift and digest agree.
-- The comparison is made under the deployers' lock, shared, in a subtransaction that is taken back: no deploy
-- begins while it lasts (PostgreSQL spells definitions as they are now, and finds objects as they were when the
-- statement began), nothing is left held, and where a deploy is under way it is said so without looking.
-- VOLATILE, so that it sees what was committed when it has the lock.
CREATE FUNCTION iu_core.fn_dot_compare()
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET lock_timeout = '500ms'
AS $$
#variable_conflict use_column
DECLARE
  v_major constant integer := current_setting('server_version_num')::integer / 10000;
  v_at constant timestamptz := clock_timestamp();
  v_expected jsonb;
  v_found jsonb;
  v_digest text;
  v_checks jsonb;
  v_all jsonb;
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
      SELECT coalesce(jsonb_agg(jsonb_build_object('class', d.class, 'identity', d.identity, 'state', d.state, 'expected', d.expected, 'live', d.live, 'statement', d.statement, 'suggested_action', d.action)
                                -- As the statements can be run.
                                ORDER BY array_position('{schema,table,function,view,trigger,vocabulary,config,event_type,route,command,other}', d.class), d.identity) FILTER (WHERE d.state IS NOT NULL), '[]'),
             encode(sha256(convert_to(string_agg(concat_ws(' ', d.class, d.identity, encode(d.digest, 'hex'), d.switched) || chr(10), '' ORDER BY d.class COLLATE "C", d.identity COLLATE "C") FILTER (WHERE d.digest IS NOT NULL), 'UTF8')), 'hex'),
             (SELECT jsonb_object_agg(n.class, n.n) FROM (SELECT class, count(*) AS n FROM dot_inventory GROUP BY class) AS n)
      INTO v_found, v_digest, v_expected
      FROM (
        SELECT class, identity, j.state, c.digest, s.switched,
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
    -- How much there is to be compared is told where it can be.
    BEGIN
      v_expected := (SELECT jsonb_object_agg(n.class, n.n) FROM (SELECT class, count(*) AS n FROM dot_inventory GROUP BY class) AS n);
    EXCEPTION WHEN OTHERS THEN
      v_expected := NULL;
    END;
    v_digest := NULL;
    v_why := concat_ws(' ', upper(left(v_why, 1)) || substr(v_why, 2) || '.', v_what);
  END IF;
  v_checks := fn_dot_checks(coalesce(v_expected, '{}'), v_found);
  v_all := jsonb_path_query_first(v_checks, '$[*] ? (@.check_code == "D8")');
  RETURN (
    SELECT jsonb_build_object(
      'checked_at', v_at, 'digest', v_digest, 'expected', v_all -> 'expected', 'matching', n.present - n.changed, 'drift', n.missing + n.unexpected + n.changed, 'unknown', n.unknown,
      'state', CASE WHEN v_found IS NULL THEN 'unknown' WHEN n.missing + n.unexpected + n.changed > 0 THEN 'drift' WHEN n.unknown > 0 THEN 'unknown' ELSE 'matches' END,
      'why', CASE WHEN v_found IS NULL THEN v_why WHEN n.unknown > 0 THEN format('%s of %s objects cannot be compared.', n.unknown, n.expected) END,
      'checks', v_checks, 'objects', coalesce(v_found, '[]'))
    FROM jsonb_to_record(v_all) AS n(expected integer, present integer, missing integer, unexpected integer, changed integer, unknown integer));
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_compare() IS 'The live schema against the inventory, as one document: state (matches, drift, unknown), counts, the checks D1 to D9, a digest of the catalogue, and each object that is not as deployed. Waits for nobody longer than half a second';
REVOKE ALL ON FUNCTION iu_core.fn_dot_compare() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_dot_compare() TO iu_reader;

-- requires: fn_dot_compare, iu_core
-- VOLATILE as the comparison is.
CREATE OR REPLACE FUNCTION iu_core.fn_dot_drift()
RETURNS TABLE (class text, identity text, state text, expected text, live text, statement text, suggested_action text)
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH compared AS MATERIALIZED (SELECT fn_dot_compare() AS c)
  SELECT o.class, o.identity, o.state, o.expected, o.live, o.statement, o.suggested_action
  FROM compared CROSS JOIN LATERAL jsonb_to_recordset(c -> 'objects') AS o(class text, identity text, state text, expected text, live text, statement text, suggested_action text)
  UNION ALL
  SELECT NULL, NULL, 'unknown', NULL, NULL, NULL, c ->> 'why' FROM compared WHERE c ->> 'digest' IS NULL
$$;
COMMENT ON FUNCTION iu_core.fn_dot_drift() IS 'The live schema against the inventory: a row for each object that is missing, unexpected, changed or unknown; one row without a class where nothing can be said now';
REVOKE ALL ON FUNCTION iu_core.fn_dot_drift() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_dot_drift() TO iu_reader;

-- requires: dot_inventory, dot_iu_command, iu_core
-- Who uses what is told by the names that stand in the inventory's definitions, not in the live ones: what has
-- drifted cannot hide what it serves. What compares and registers names everything, and passes nothing on.
CREATE OR REPLACE FUNCTION iu_core.fn_dot_drift_served(p_drift jsonb)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
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
    WHERE n.name !~ '^(fn_dot_(catalogue|checks|compare|drift|fingerprints|inventory|repair|stamp|state)|v_dot_(comparison|conformance|drift))' AND EXISTS (SELECT FROM named AS k WHERE k.name = w[1])
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
$$;
COMMENT ON FUNCTION iu_core.fn_dot_drift_served(jsonb) IS 'The commands that drifted objects ([class, identity] each) serve, by handler, dispatcher, triggers and gates, however indirectly: {"command": "class identity"}';
REVOKE ALL ON FUNCTION iu_core.fn_dot_drift_served(jsonb) FROM PUBLIC;

-- requires: iu_core
-- The runner's book stands in a schema of its own, which need not be there when this function is made.
CREATE OR REPLACE FUNCTION iu_core.fn_iu_contract()
RETURNS TABLE (contract_unit text, contract_digest text, applied_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  IF to_regclass('iu_deploy.applied_unit') IS NOT NULL THEN
    RETURN QUERY EXECUTE $q$
      SELECT (array_agg(tag ORDER BY number DESC))[1], encode(sha256(convert_to(string_agg(tag || ' ' || hash || chr(10), '' ORDER BY number), 'UTF8')), 'hex'), max(applied_at)
      FROM iu_deploy.applied_unit HAVING count(*) > 0$q$;
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_contract() IS 'What this database is at: its newest unit, SHA-256 over the tags and hashes of all applied units, and when the newest was applied; no row where no unit is on record';
REVOKE ALL ON FUNCTION iu_core.fn_iu_contract() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_contract() TO iu_reader;

-- requires: fn_dot_compare, iu_core
CREATE VIEW iu_core.v_dot_comparison AS
SELECT k.checked_at, k.state, k.digest, k.expected, k.matching, k.drift, k.unknown, k.why, k.checks, k.objects
FROM jsonb_to_record(iu_core.fn_dot_compare()) AS k(checked_at timestamptz, state text, digest text, expected integer, matching integer, drift integer, unknown integer, why text, checks jsonb, objects jsonb);
COMMENT ON VIEW iu_core.v_dot_comparison IS 'One comparison as a whole: state (matches, drift, unknown and why), how many objects are expected, match, have drifted and are unknown, SHA-256 over the catalogue, and what v_dot_conformance and v_dot_drift would have told at that moment';
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
    SELECT count(*)::integer AS n, coalesce(sum(pending), 0)::integer AS pending, (count(*) FILTER (WHERE is_running))::integer AS running FROM v_iu_exporter
  ), exported AS (
    SELECT e.exported_at, k.canonical_address, encode(e.render_digest, 'hex') AS digest FROM iu_export AS e JOIN iu_collection AS k ON k.id = e.collection_id
    WHERE e.exported_at IS NOT NULL ORDER BY e.exported_at DESC LIMIT 1
  ), compared AS MATERIALIZED (
    SELECT state, digest, expected, drift, why, objects FROM v_dot_comparison
  )
  SELECT 'database', CASE WHEN c.contract_digest IS NULL THEN 'unknown' ELSE CASE d.state WHEN 'matches' THEN 'in_step' WHEN 'drift' THEN 'behind' ELSE 'unknown' END END, c.applied_at, c.contract_unit, d.digest,
         CASE WHEN c.contract_digest IS NOT NULL AND d.state <> 'unknown' THEN d.drift END,
         CASE WHEN c.contract_digest IS NULL THEN 'no unit is on record'
              WHEN d.state = 'matches' THEN format('all of %s objects are as deployed: drift 0', d.expected)
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
  SELECT 'knowledge_base', CASE WHEN f.n = 0 THEN 'not_connected' WHEN f.pending > 0 THEN 'behind' ELSE 'in_step' END, x.exported_at, x.canonical_address, x.digest, f.pending,
         CASE WHEN f.n = 0 THEN 'no folder is exported into'
              ELSE format('%s, %s; an exporter runs for %s', CASE f.n WHEN 1 THEN '1 folder' ELSE f.n || ' folders' END,
                          CASE f.pending WHEN 0 THEN 'every rendering is in its files' WHEN 1 THEN '1 rendering is not in its files' ELSE f.pending || ' renderings are not in their files' END,
                          CASE f.running WHEN 0 THEN 'none' ELSE f.running::text END) END
  FROM folders AS f LEFT JOIN exported AS x ON true
  UNION ALL
  SELECT 'vector_index', 'not_connected', NULL, NULL, NULL, 0, 'no adapter is installed; the manifest files are what it will index'
$$;
COMMENT ON FUNCTION iu_core.fn_iu_sync_layers() IS 'Each layer as the evidence has it now: in_step, behind, not_connected or unknown, what it last saw and when, a digest, and how much it lacks';
REVOKE ALL ON FUNCTION iu_core.fn_iu_sync_layers() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_sync_layers() TO iu_reader;

-- requires: fn_dot_compare, iu_core
CREATE OR REPLACE VIEW iu_core.v_dot_conformance AS
SELECT k.check_code, k.class, k.expected, k.present, k.missing, k.unexpected, k.changed, k.unknown, k.ok
FROM jsonb_to_recordset(iu_core.fn_dot_compare() -> 'checks') AS k(check_code text, class text, expected integer, present integer, missing integer, unexpected integer, changed integer, unknown integer, ok boolean)
ORDER BY 1;
COMMENT ON VIEW iu_core.v_dot_conformance IS 'D1 to D7: each class, expected (the inventory) against the live catalogue; D8: everything in the inventory, in both directions; D9: the classes that are as they should be. What is unknown is never ok';
GRANT SELECT ON iu_core.v_dot_conformance TO iu_reader;

-- requires: fn_iu_contract, iu_console_process
CREATE OR REPLACE VIEW iu_core.v_iu_console_process AS
SELECT p.process_id, p.host, p.pid, p.contract_unit, p.contract_digest, p.started_at, p.last_seen_at, p.last_seen_at < clock_timestamp() - interval '20 seconds' AS is_stale,
       p.contract_digest IS NOT DISTINCT FROM (SELECT c.contract_digest FROM iu_core.fn_iu_contract() AS c) AS is_in_step
FROM iu_core.iu_console_process AS p;
COMMENT ON VIEW iu_core.v_iu_console_process IS 'Consoles that run, the schema that each was built for, and whether that is the one deployed; one that has been silent for twenty seconds is stale';
GRANT SELECT ON iu_core.v_iu_console_process TO iu_reader;
