SET LOCAL search_path = pg_catalog, iu_core, pg_temp;
CREATE OR REPLACE VIEW iu_core.v_dot_conformance AS
 SELECT check_code,
    class,
    expected,
    present,
    missing,
    unexpected,
    changed,
    unknown,
    ok
   FROM jsonb_to_recordset((fn_dot_compare() -> 'checks'::text)) k(check_code text, class text, expected integer, present integer, missing integer, unexpected integer, changed integer, unknown integer, ok boolean)
  ORDER BY check_code;
ALTER VIEW v_dot_conformance OWNER TO iu_owner;
COMMENT ON VIEW v_dot_conformance IS 'D1 to D7: each class, expected (the inventory) against the live catalogue; D8: everything in the inventory, in both directions; D9: the classes that are as they should be. What is unknown is never ok';
GRANT SELECT ON v_dot_conformance TO iu_reader;
DROP VIEW iu_core.v_dot_comparison;
CREATE VIEW iu_core.v_dot_comparison AS
 SELECT checked_at,
    state,
    digest,
    expected,
    matching,
    drift,
    unknown,
    why,
    checks,
    objects
   FROM jsonb_to_record(fn_dot_compare()) k(checked_at timestamp with time zone, state text, digest text, expected integer, matching integer, drift integer, unknown integer, why text, checks jsonb, objects jsonb);
ALTER VIEW v_dot_comparison OWNER TO iu_owner;
COMMENT ON VIEW v_dot_comparison IS 'One comparison as a whole: state (matches, drift, unknown and why), how many objects are expected, match, have drifted and are unknown, SHA-256 over the catalogue, and what v_dot_conformance and v_dot_drift would have told at that moment';
GRANT SELECT ON v_dot_comparison TO iu_reader;
DROP FUNCTION iu_core.fn_dot_deployer_enter(boolean);
CREATE OR REPLACE FUNCTION iu_core.fn_dot_stamp()
 RETURNS TABLE(part text, classes text[], stamp text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
DECLARE
  v_schema constant oid := 'iu_core'::regnamespace;
  v_registered constant text[] := '{config,event_type,route}';
BEGIN
  -- Vocabulary, and what else stands in the schema, serve no command.
  part := 'deployed';
  classes := '{schema,table,view,function,trigger,command}';
  stamp := concat_ws(' ',
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
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM dot_inventory AS i WHERE i.class <> ALL (v_registered)));
  RETURN NEXT;
  -- Which commands these serve is told by what was deployed.
  part := 'registered';
  classes := v_registered;
  stamp := concat_ws(' ', stamp,
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM dot_config),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM iu_event_type),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM iu_outbound_route),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM dot_inventory AS i WHERE i.class = ANY (v_registered)));
  RETURN NEXT;
END
$function$;
ALTER FUNCTION fn_dot_stamp() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_stamp() IS 'The two parts that are compared before a command is carried out, each with its classes and a stamp that any change to them changes: what only a deploy makes, and what commands register and switch; about a millisecond';
CREATE OR REPLACE FUNCTION iu_core.fn_dot_drift_served(p_drift jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET standard_conforming_strings TO 'on'
AS $function$
  WITH RECURSIVE drifted AS MATERIALIZED (
    SELECT d.class, d.identity FROM jsonb_to_recordset(p_drift) AS d(class text, identity text)
  ), named AS MATERIALIZED (
    SELECT class, split_part(identity, '(', 1) AS name,
           -- Without its comments: they speak of others.
           regexp_replace(split_part(split_part(definition, E'\nALTER FUNCTION ', 1), E'\nCOMMENT ON ', 1), '--[^\n]*', '', 'g') AS said
    FROM dot_inventory WHERE class IN ('table', 'view', 'function', 'trigger')
      -- These serve whom they serve without being named, and change more often than the others together.
      AND EXISTS (SELECT FROM drifted WHERE class NOT IN ('config', 'command', 'schema'))
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
$function$;
ALTER FUNCTION fn_dot_drift_served(jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_drift_served(jsonb) IS 'The commands that drifted objects ({class, identity} each) serve, by handler, dispatcher, triggers and gates, however indirectly: {"command": "class identity"}';
CREATE OR REPLACE FUNCTION iu_core.fn_dot_compare(p_classes text[] DEFAULT NULL::text[])
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET lock_timeout TO '500ms'
 SET plan_cache_mode TO 'force_generic_plan'
 SET quote_all_identifiers TO 'off'
 SET standard_conforming_strings TO 'on'
 SET bytea_output TO 'hex'
 SET "DateStyle" TO 'ISO, YMD'
 SET "IntervalStyle" TO 'postgres'
 SET "TimeZone" TO 'UTC'
 SET extra_float_digits TO '1'
 SET "plpgsql.extra_errors" TO 'none'
AS $function$
#variable_conflict use_column
DECLARE
  v_major constant integer := current_setting('server_version_num')::integer / 10000;
  v_at constant timestamptz := clock_timestamp();
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
    v_locked := pg_try_advisory_xact_lock_shared(hashtext('iu_core deploy')) OR NOT EXISTS (
      SELECT FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
      WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (l.classid::bigint << 32 | l.objid::bigint) = hashtext('iu_core deploy') AND l.mode = 'ExclusiveLock' AND pg_has_role(a.usesysid, 'iu_owner', 'MEMBER'));
    -- Told also where the comparison itself cannot be made.
    v_expected := (SELECT jsonb_object_agg(n.class, n.n) FROM (SELECT class, count(*) AS n FROM dot_inventory WHERE p_classes IS NULL OR class = ANY (p_classes) GROUP BY class) AS n);
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
      SELECT coalesce(jsonb_agg(jsonb_build_object('class', d.class, 'identity', d.identity, 'state', d.state, 'expected', d.expected, 'live', d.live, 'statement', d.statement, 'suggested_action', d.action)) FILTER (WHERE d.state IS NOT NULL), '[]'),
             encode(sha256(convert_to(coalesce(string_agg(concat_ws(' ', d.class, d.identity, encode(d.digest, 'hex'), d.switched) || chr(10), '' ORDER BY d.class COLLATE "C", d.identity COLLATE "C") FILTER (WHERE d.digest IS NOT NULL), ''), 'UTF8')), 'hex')
      INTO v_found, v_digest
      FROM (
        SELECT class, identity, j.state, c.digest, s.switched,
               -- Beside a definition that is as it should be, its switches say what differs.
               concat_ws(chr(10), i.definition, w.said) AS expected, concat_ws(chr(10), c.definition, v.said) AS live,
               CASE WHEN j.state <> 'unknown' THEN concat_ws(chr(10),
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
        FROM (SELECT class, identity, definition, facts, digest FROM dot_inventory WHERE p_classes IS NULL OR class = ANY (p_classes)) AS i
        FULL JOIN (SELECT f.*, sha256(convert_to(f.definition, 'UTF8')) AS digest FROM fn_dot_catalogue(p_classes) AS f) AS c USING (class, identity)
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
      IF v_found <> '[]' THEN
        v_found := fn_dot_repairs(v_found);
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
      'checked_at', v_at, 'digest', v_digest, 'expected', v_all -> 'expected', 'matching', n.present - n.changed, 'drift', n.missing + n.unexpected + n.changed, 'unknown', n.unknown,
      'state', CASE WHEN v_found IS NULL THEN 'unknown' WHEN n.missing + n.unexpected + n.changed > 0 THEN 'drift' WHEN n.unknown > 0 THEN 'unknown' ELSE 'matches' END,
      'why', CASE WHEN v_found IS NULL THEN v_why WHEN n.unknown > 0 THEN format('%s of %s objects cannot be compared.', n.unknown, n.expected) END,
      'checks', v_checks, 'objects', coalesce(v_found, '[]'))
    FROM jsonb_to_record(v_all) AS n(expected integer, present integer, missing integer, unexpected integer, changed integer, unknown integer));
END
$function$;
ALTER FUNCTION fn_dot_compare(text[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_compare(text[]) IS 'The live schema, or the classes named, against the inventory, as one document: state (matches, drift, unknown), counts, the checks D1 to D9, a digest of the catalogue, and each object that is not as deployed. Waits for nobody longer than half a second';
GRANT EXECUTE ON FUNCTION fn_dot_compare(text[]) TO iu_reader;
CREATE OR REPLACE FUNCTION iu_core.fn_dot_repairs(p_objects jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET standard_conforming_strings TO 'on'
AS $function$
DECLARE
  v_class text;
  -- As they will be when the names are back.
  v_identity text[];
  v_live text[];
  v_statement text[];
  v_action text[];
  v_pair record;
  v_before integer[];
  v_after integer[];
  v_rank integer[] := array_fill(0, ARRAY[jsonb_array_length(p_objects)]);
  v_last integer[];
BEGIN
  SELECT array_agg(o ->> 'identity' ORDER BY n), array_agg(o ->> 'live' ORDER BY n), array_agg(o ->> 'statement' ORDER BY n), array_agg(o ->> 'suggested_action' ORDER BY n)
  INTO v_identity, v_live, v_statement, v_action
  FROM jsonb_array_elements(p_objects) WITH ORDINALITY AS e(o, n);

  FOREACH v_class IN ARRAY '{table,function,view,trigger}'::text[] LOOP
    FOR v_pair IN
      WITH named AS (
        SELECT n::integer, o ->> 'state' AS state, v_identity[n] AS identity, o ->> 'expected' AS expected, v_live[n] AS live,
               CASE v_class WHEN 'function' THEN substring(v_identity[n] FROM '^(.+?)\(') WHEN 'trigger' THEN quote_ident(substring(v_identity[n] FROM '^(.+) on ')) ELSE quote_ident(v_identity[n]) END AS name
        FROM jsonb_array_elements(p_objects) WITH ORDINALITY AS e(o, n) WHERE o ->> 'class' = v_class
      ), same AS (
        SELECT m.n AS missing, m.identity, m.name, u.n AS other, u.identity AS other_identity, u.name AS other_name, w.word, w.live = m.expected AS is_whole
        FROM named AS m JOIN named AS u ON m.state = 'missing' AND u.state = 'unexpected'
        CROSS JOIN LATERAL (SELECT word, regexp_replace(u.live, word, m.name, 'g') AS live
          FROM fn_dot_word(u.name) AS word) AS w
        -- A table has rows to be lost: most of its lines are enough.
        WHERE w.live = m.expected OR v_class = 'table' AND (
          SELECT 2 * count(*) FILTER (WHERE line = ANY (regexp_split_to_array(w.live, E',?\n'))) > count(*) FROM regexp_split_to_table(m.expected, E',?\n') AS line WHERE line LIKE '  %')
      )
      -- Two of which each could be the other are for a person to tell apart.
      SELECT * FROM same AS s WHERE NOT EXISTS (SELECT FROM same AS t WHERE (t.missing = s.missing) <> (t.other = s.other) AND t.is_whole >= s.is_whole)
    LOOP
      v_statement[v_pair.other] := format('-- its name is %s %s', v_class, v_pair.identity);
      v_action[v_pair.other] := format('Nothing: it gets its name back with %s %s.', v_class, v_pair.identity);
      IF v_pair.name = v_pair.other_name THEN
        v_statement[v_pair.missing] := '-- it is there, under what was renamed';
        v_action[v_pair.missing] := 'Nothing: it comes right when what was renamed has its name back.';
      ELSE
        v_statement[v_pair.missing] := CASE v_class
          WHEN 'trigger' THEN format('ALTER TRIGGER %s ON %s RENAME TO %s;', v_pair.other_name, substring(v_pair.identity FROM '.* on (.+)$'), v_pair.name)
          WHEN 'function' THEN format('ALTER FUNCTION %s RENAME TO %s;', v_pair.other_identity, v_pair.name)
          ELSE format('ALTER %s %s RENAME TO %s;', upper(v_class), v_pair.other_name, v_pair.name) END;
        v_action[v_pair.missing] := format('Give %s %s its name back with the statement.%s', v_class, v_pair.other_identity, CASE WHEN NOT v_pair.is_whole THEN ' It differs in more: then compare again.' END);
        IF v_class <> 'trigger' THEN
          v_identity := (SELECT array_agg(CASE WHEN o ->> 'class' IN ('function', 'trigger') THEN regexp_replace(v_identity[n], v_pair.word, v_pair.name, 'g') ELSE v_identity[n] END ORDER BY n) FROM jsonb_array_elements(p_objects) WITH ORDINALITY AS e(o, n));
          v_live := (SELECT array_agg(regexp_replace(l, v_pair.word, v_pair.name, 'g') ORDER BY n) FROM unnest(v_live) WITH ORDINALITY AS e(l, n));
        END IF;
      END IF;
    END LOOP;
  END LOOP;
  SELECT array_agg(CASE WHEN is_right THEN '-- it differs by what was renamed' ELSE v_statement[n] END ORDER BY n),
         array_agg(CASE WHEN is_right THEN 'Nothing: it comes right when what was renamed has its name back.' ELSE v_action[n] END ORDER BY n)
  INTO v_statement, v_action
  FROM (SELECT n, o ->> 'state' = 'changed' AND v_live[n] = o ->> 'expected' AS is_right FROM jsonb_array_elements(p_objects) WITH ORDINALITY AS e(o, n)) AS r;

  WITH objects AS MATERIALIZED (
    SELECT n::integer, o ->> 'state' AS state, i.name, fn_dot_word(i.name) AS word,
           split_part(o ->> 'expected', E'\nAS $', 1) AS expected, split_part(o ->> 'live', E'\nAS $', 1) AS live
    FROM jsonb_array_elements(p_objects) WITH ORDINALITY AS e(o, n)
    CROSS JOIN LATERAL (
      SELECT CASE WHEN o ->> 'class' IN ('table', 'view', 'event_type') THEN o ->> 'identity'
                  WHEN o ->> 'class' = 'function' THEN btrim(substring(o ->> 'identity' FROM '^(.+?)\('), '"')
                  WHEN o ->> 'class' = 'other' THEN substring(o ->> 'identity' FROM ' iu_core\.([^(]+)') END AS name
    ) AS i
  ), pairs AS (
    SELECT upon.n AS before, base.n AS after
    FROM objects AS base JOIN objects AS upon ON upon.n <> base.n AND strpos(upon.live, base.name) > 0 AND upon.live ~ base.word
    WHERE base.state = 'unexpected' OR base.state = 'changed' AND upon.state = 'unexpected'
    UNION ALL
    SELECT base.n, upon.n
    FROM objects AS base JOIN objects AS upon ON upon.n <> base.n AND strpos(upon.expected, base.name) > 0 AND upon.expected ~ base.word
    WHERE base.state IN ('missing', 'changed')
  )
  SELECT array_agg(before), array_agg(after) INTO v_before, v_after FROM pairs;
  -- As many steps as objects stand upon each other; two that name each other end it.
  FOR step IN 1 .. 30 LOOP
    v_last := v_rank;
    v_rank := (SELECT array_agg(greatest(r.rank, p.rank) ORDER BY r.n)
               FROM unnest(v_last) WITH ORDINALITY AS r(rank, n)
               LEFT JOIN (SELECT after, max(v_last[before]) + 1 AS rank FROM unnest(v_before, v_after) AS pair(before, after) GROUP BY after) AS p ON p.after = r.n);
    EXIT WHEN v_rank = v_last;
  END LOOP;
  RETURN (SELECT jsonb_agg(o || jsonb_build_object('suggested_action', v_action[n],
                   'statement', concat_ws(chr(10), 'SET search_path = iu_core, pg_catalog, pg_temp;', CASE o ->> 'class' WHEN 'function' THEN 'SET check_function_bodies = off;' END) || chr(10) || v_statement[n])
                 ORDER BY v_rank[n], array_position('{schema,table,function,view,trigger,vocabulary,config,event_type,route,command,other}', o ->> 'class'), o ->> 'identity')
          FROM jsonb_array_elements(p_objects) WITH ORDINALITY AS e(o, n));
END
$function$;
ALTER FUNCTION fn_dot_repairs(jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_repairs(jsonb) IS 'Objects that are not as deployed, {class, identity, state, expected, live, statement, suggested_action} each: what was only renamed is named back, and they stand in the order in which their statements can be run';
CREATE OR REPLACE FUNCTION iu_core.fn_dot_repair(p_class text, p_identity text, p_expected text, p_expected_facts text, p_live text, p_live_facts text)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET standard_conforming_strings TO 'on'
AS $function$
DECLARE
  v_data constant text := CASE p_class WHEN 'config' THEN 'dot_config' WHEN 'event_type' THEN 'iu_event_type' WHEN 'route' THEN 'iu_outbound_route' WHEN 'vocabulary' THEN 'iu_vocabulary' WHEN 'command' THEN 'dot_iu_command' END;
  v_drop constant text := CASE
    WHEN v_data IS NOT NULL THEN format('DELETE FROM %I WHERE %s = %L;', v_data, CASE p_class WHEN 'config' THEN 'key' WHEN 'route' THEN 'route_code' WHEN 'command' THEN 'command_code'
      WHEN 'vocabulary' THEN 'term_class || '' '' || term' ELSE 'event_type' END, p_identity)
    WHEN p_class = 'trigger' THEN format('DROP TRIGGER %I ON %s;', substring(p_identity FROM '^(.+) on '), substring(p_identity FROM '.* on (.+)$'))
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
  v_kind text;
  v_start text;
  v_renamed record;
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
    v_new := regexp_split_to_array(regexp_replace(p_expected_facts, '^.*; ', ''), ', ');
    v_old := regexp_split_to_array(regexp_replace(p_live_facts, '^.*; ', ''), ', ');
    IF cardinality(v_old) = cardinality(v_new) THEN
      FOR v_column IN 1 .. cardinality(v_new) LOOP
        v_name := split_part(v_old[v_column], ' ', 1);
        v_was := split_part(v_new[v_column], ' ', 1);
        IF v_name <> v_was AND v_name || substr(v_new[v_column], length(v_was) + 1) = v_old[v_column] THEN
          v_first := v_first || format('ALTER VIEW %I RENAME COLUMN %I TO %I;', p_identity, v_name, v_was);
          v_old[v_column] := v_new[v_column];
        END IF;
      END LOOP;
    END IF;
    -- The same columns: what stands upon it need not go.
    RETURN CASE WHEN v_old = v_new AND p_live !~ E'\n(CREATE RULE|ALTER VIEW [^\n]* SET DEFAULT)'
      THEN concat_ws(E'\n', nullif(array_to_string(v_first, E'\n'), ''), CASE WHEN p_live ~ E'^CREATE VIEW [^\n]* WITH \\(' THEN format('ALTER VIEW %I RESET (security_barrier, security_invoker, check_option);', p_identity) END,
             regexp_replace(p_expected, '^CREATE VIEW', 'CREATE OR REPLACE VIEW'), v_grants)
      ELSE v_drop || E'\n' || p_expected END;
  END IF;

  v_old := regexp_split_to_array(p_live, E',?\n');
  v_new := regexp_split_to_array(p_expected, E',?\n');
  -- What only has another name gets its name back: a column keeps its values, a key what refers to it. A column stands
  -- in its place; what names it is as it was when it has its name back.
  FOREACH v_kind IN ARRAY '{COLUMN,CONSTRAINT,INDEX}'::text[] LOOP
    v_start := CASE v_kind WHEN 'COLUMN' THEN '^(  )(?!CONSTRAINT )' WHEN 'CONSTRAINT' THEN '^(  CONSTRAINT )' ELSE '^(CREATE (?:UNIQUE )?INDEX )' END || '("(?:[^"]|"")+"|\S+) ';
    FOR v_renamed IN
      SELECT DISTINCT ON (o.n) (regexp_match(o.line, v_start))[2] AS old, (regexp_match(n.line, v_start))[2] AS new
      FROM unnest(v_old) WITH ORDINALITY AS o(line, n)
      JOIN unnest(v_new) WITH ORDINALITY AS n(line, n) ON regexp_replace(o.line, v_start, '\1') = regexp_replace(n.line, v_start, '\1') AND (v_kind <> 'COLUMN' OR o.n = n.n)
      WHERE o.line ~ v_start AND n.line ~ v_start AND NOT o.line = ANY (v_new) AND NOT n.line = ANY (v_old)
      ORDER BY o.n, n.n
    LOOP
      v_first := v_first || CASE v_kind WHEN 'INDEX' THEN format('ALTER INDEX %s RENAME TO %s;', v_renamed.old, v_renamed.new) ELSE format('ALTER TABLE %I RENAME %s %s TO %s;', p_identity, v_kind, v_renamed.old, v_renamed.new) END;
      v_old := (SELECT array_agg(CASE WHEN l = ANY (v_new) THEN l ELSE regexp_replace(l, fn_dot_word(v_renamed.old), v_renamed.new, 'g') END ORDER BY n) FROM unnest(v_old) WITH ORDINALITY AS e(l, n));
    END LOOP;
  END LOOP;
  FOREACH v_line IN ARRAY v_old LOOP
    CONTINUE WHEN v_line = ANY (v_new) OR v_line ~ '^(CREATE TABLE|\)|ALTER TABLE \S+ OWNER|COMMENT|GRANT|REVOKE|REINDEX|ALTER SEQUENCE)';
    v_name := substring(v_line FROM '^  (?:CONSTRAINT )?("(?:[^"]|"")+"|\S+) ');
    IF v_line LIKE '  CONSTRAINT % NOT NULL % NOT VALID' THEN
      v_last := v_last || format('ALTER TABLE %I VALIDATE CONSTRAINT %s;', p_identity, v_name);
    ELSIF v_line LIKE '  CONSTRAINT %' THEN
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
  -- A column that is added comes last.
  IF (SELECT array_agg(name ORDER BY was, n) <> array_agg(name ORDER BY n) FROM (
        SELECT n.n, c.name, (SELECT min(o.n) FROM unnest(v_old) WITH ORDINALITY AS o(line, n) WHERE starts_with(o.line, '  ' || c.name || ' ')) AS was
        FROM unnest(v_new) WITH ORDINALITY AS n(line, n) CROSS JOIN LATERAL (SELECT substring(n.line FROM '^  ("(?:[^"]|"")+"|\S+) ') AS name) AS c
        WHERE n.line LIKE '  %' AND n.line NOT LIKE '  CONSTRAINT %') AS columns) THEN
    v_last := v_last || '-- then its columns stand in another order: make the table anew and copy its rows, or restore a backup'::text;
  END IF;
  RETURN concat_ws(E'\n', nullif(array_to_string(v_first, E'\n'), ''), nullif(array_to_string(v_last, E'\n'), ''), v_grants);
END
$function$;
ALTER FUNCTION fn_dot_repair(text,text,text,text,text,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_repair(text,text,text,text,text,text) IS 'The statements that make an object what it should be again, or take away one that should not be; with the search_path iu_core, pg_catalog';
DROP FUNCTION iu_core.fn_dot_principals();
DROP FUNCTION iu_core.fn_dot_principals_expected();
DROP FUNCTION iu_core.fn_dot_closed_functions();
CREATE OR REPLACE FUNCTION iu_core.fn_dot_checks(p_expected jsonb, p_drift jsonb)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION fn_dot_checks(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_checks(jsonb,jsonb) IS 'The checks D1 to D9 of a comparison: of {"class": how many are expected} and what has drifted (null: nothing can be said, and all is unknown)';
CREATE OR REPLACE FUNCTION iu_core.fn_dot_catalogue(p_classes text[] DEFAULT NULL::text[])
 RETURNS TABLE(class text, identity text, definition text, facts text)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET quote_all_identifiers TO 'off'
 SET standard_conforming_strings TO 'on'
 SET bytea_output TO 'hex'
 SET "DateStyle" TO 'ISO, YMD'
 SET "IntervalStyle" TO 'postgres'
 SET "TimeZone" TO 'UTC'
 SET extra_float_digits TO '1'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
DECLARE
  v_data record;
  v_columns text[];
BEGIN
  -- What is data, but part of what was deployed. A unit before its table finds none, and
  -- fn_dot_drift() says that nothing is known of a table that cannot be read.
  FOR v_data IN
    SELECT * FROM (VALUES
      ('config', 'dot_config', '{key}', '{value_type,description}', '{value,reason}', '{false,"made anew, closed"}',
        'concat_ws(chr(10), value_type, description)'),
      ('vocabulary', 'iu_vocabulary', '{term_class,term}', '{description}', '{}', '{}', 'description'),
      ('command', 'dot_iu_command', '{command_code}', '{area,tier,required_right,gates,reason_required,confirm_param,body_params,secret_params,description,param_schema}', '{}', '{}',
        'concat_ws(chr(10), area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)'),
      ('event_type', 'iu_event_type', '{event_type}', '{event_domain,delivery_lane,is_system,description,payload_schema,payload_predicate}', '{}', '{}',
        'concat_ws(chr(10), event_domain, delivery_lane, is_system, description, payload_schema, payload_predicate)'),
      ('route', 'iu_outbound_route', '{route_code}', '{event_type,target_kind,target_ref,definition_digest}', '{}', '{}', 'concat_ws(chr(10), event_type, target_kind, target_ref)')
    ) AS v(class, relation, keys, columns, fixed, fixed_values, facts)
  LOOP
    CONTINUE WHEN NOT v_data.class = ANY (p_classes) OR has_table_privilege(to_regclass('iu_core.' || v_data.relation), 'SELECT') IS NOT TRUE;
    -- The definition of a row is the statement that makes it, or makes it again.
    v_columns := v_data.keys::text[] || v_data.columns::text[];
    RETURN QUERY EXECUTE format('SELECT %L::text, concat_ws('' '', %s)::text, format(%L, %s), (%s)::text FROM iu_core.%I', v_data.class, array_to_string(v_data.keys::text[], ', '),
      format(E'INSERT INTO %I (%s)\nVALUES (\n  %s)\nON CONFLICT (%s) DO UPDATE SET %s;', v_data.relation, array_to_string(v_columns || v_data.fixed::text[], ', '),
        (SELECT string_agg(v, E',\n  ' ORDER BY n) FROM (SELECT '%L', n FROM unnest(v_columns) WITH ORDINALITY AS c(c, n) UNION ALL SELECT quote_literal(f), 1000 + n FROM unnest(v_data.fixed_values::text[]) WITH ORDINALITY AS f(f, n)) AS v(v, n)),
        array_to_string(v_data.keys::text[], ', '), (SELECT string_agg(format('%s = excluded.%1$s', c), ', ') FROM unnest(v_data.columns::text[]) AS c)),
      (SELECT string_agg(c || '::text', ', ') FROM unnest(v_columns) AS c), v_data.facts, v_data.relation);
  END LOOP;
  -- To plan the rest takes longer than to read all data.
  IF p_classes <@ '{config,vocabulary,command,event_type,route}' THEN
    RETURN;
  END IF;

  RETURN QUERY
  WITH grants AS (
    SELECT o.objid, o.classid, string_agg(format('%s %s', privilege, grantee), ', ' ORDER BY grantee, privilege) AS facts,
           string_agg(CASE WHEN is_lost THEN format('REVOKE %s ON %s%s FROM %s;', privilege_type, o.prefix, o.name, grantee)
                           ELSE format('GRANT %s ON %s%s TO %s%s;', privilege_type, o.prefix, o.name, grantee, CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END) END, chr(10) ORDER BY grantee, privilege) AS sql
    FROM (
      SELECT oid AS objid, 'pg_class'::regclass AS classid, '' AS prefix, relname::text AS name, relowner AS owner, coalesce(relacl, acldefault('r', relowner)) AS acl, acldefault('r', relowner) AS whole
      FROM pg_class WHERE relnamespace = 'iu_core'::regnamespace AND relkind IN ('r', 'v')
      UNION ALL
      SELECT oid, 'pg_proc'::regclass, 'FUNCTION ', oid::regprocedure::text, proowner, coalesce(proacl, acldefault('f', proowner)), acldefault('f', proowner)
      FROM pg_proc WHERE pronamespace = 'iu_core'::regnamespace
      UNION ALL
      SELECT oid, 'pg_namespace'::regclass, 'SCHEMA ', nspname::text, nspowner, coalesce(nspacl, acldefault('n', nspowner)), acldefault('n', nspowner)
      FROM pg_namespace WHERE oid = 'iu_core'::regnamespace
    ) AS o
    CROSS JOIN LATERAL (
      SELECT a.privilege_type || CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS privilege,
             CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee, a.privilege_type, a.is_grantable, false AS is_lost
      FROM aclexplode(o.acl) AS a WHERE a.grantee <> o.owner
      UNION ALL
      SELECT 'without ' || w.privilege_type, w.grantee::regrole::text, w.privilege_type, false, true
      FROM aclexplode(o.whole) AS w
      WHERE o.acl <> o.whole AND w.grantee = o.owner AND NOT EXISTS (SELECT FROM aclexplode(o.acl) AS a WHERE a.grantee = o.owner AND a.privilege_type = w.privilege_type)
    ) AS g
    GROUP BY o.objid, o.classid
  ), column_grants AS (
    SELECT a.attrelid AS objid, string_agg(format('GRANT %s (%I) ON %I TO %s%s;', x.privilege_type, a.attname, a.attrelid::regclass, CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END,
             CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' END), chr(10) ORDER BY a.attname COLLATE "C", x.grantee::regrole::text COLLATE "C", x.privilege_type) AS sql
    FROM pg_attribute AS a CROSS JOIN LATERAL aclexplode(a.attacl) AS x
    WHERE a.attacl IS NOT NULL AND NOT a.attisdropped AND a.attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'iu_core'::regnamespace)
    GROUP BY a.attrelid
  ), rules AS (
    SELECT r.ev_class AS objid, string_agg(regexp_replace(pg_get_ruledef(r.oid), '\s+', ' ', 'g'), chr(10) ORDER BY r.rulename COLLATE "C") AS sql
    FROM pg_rewrite AS r JOIN pg_class AS c ON c.oid = r.ev_class WHERE c.relnamespace = 'iu_core'::regnamespace AND r.rulename <> '_RETURN'
    GROUP BY r.ev_class
  ), described AS NOT MATERIALIZED (   -- by its index, object by object
    SELECT objoid, classoid, objsubid, description FROM pg_description
  )
  SELECT o.class, o.identity, o.definition, o.facts FROM (
  SELECT 'schema', n.nspname::text,
         concat_ws(chr(10), format('CREATE SCHEMA %I AUTHORIZATION %s;', n.nspname, n.nspowner::regrole), format('COMMENT ON SCHEMA %I IS %L;', n.nspname, d.description), g.sql),
         concat_ws('; ', 'owner ' || n.nspowner::regrole, g.facts)
  FROM pg_namespace AS n
  LEFT JOIN grants AS g ON g.objid = n.oid AND g.classid = 'pg_namespace'::regclass
  LEFT JOIN described AS d ON d.objoid = n.oid AND d.classoid = 'pg_namespace'::regclass
  WHERE n.oid = 'iu_core'::regnamespace

  UNION ALL
  SELECT 'table', c.relname::text,
         concat_ws(chr(10),
           format('CREATE TABLE %I (%s)%s;', c.relname, (
             SELECT chr(10) || string_agg('  ' || line, ',' || chr(10) ORDER BY part, place) || chr(10) FROM (
               SELECT 1 AS part, a.attnum::text COLLATE "C" AS place_text, a.attnum::integer AS place,
                      concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
                        CASE WHEN a.attcollation NOT IN (0, (SELECT typcollation FROM pg_type WHERE oid = a.atttypid)) THEN 'COLLATE ' || a.attcollation::regcollation END,
                        CASE WHEN a.attgenerated = 's' THEN format('GENERATED ALWAYS AS (%s) STORED', pg_get_expr(x.adbin, x.adrelid))
                             WHEN a.attgenerated <> '' THEN format('GENERATED ALWAYS AS (%s) VIRTUAL', pg_get_expr(x.adbin, x.adrelid))
                             WHEN a.attidentity = 'a' THEN 'GENERATED ALWAYS AS IDENTITY'
                             WHEN a.attidentity = 'd' THEN 'GENERATED BY DEFAULT AS IDENTITY'
                             WHEN x.adbin IS NOT NULL THEN 'DEFAULT ' || pg_get_expr(x.adbin, x.adrelid) END,
                        CASE WHEN a.attnotnull THEN 'NOT NULL' END) AS line
               FROM pg_attribute AS a LEFT JOIN pg_attrdef AS x ON x.adrelid = a.attrelid AND x.adnum = a.attnum
               WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
               UNION ALL
               SELECT 2, k.conname, (row_number() OVER (ORDER BY k.conname COLLATE "C"))::integer, format('CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid))
               FROM pg_constraint AS k WHERE k.conrelid = c.oid AND (k.contype IN ('p', 'u', 'c', 'f', 'x') OR k.contype = 'n' AND NOT k.convalidated)
             ) AS lines),
             CASE WHEN c.reloptions IS NOT NULL THEN format(' WITH (%s)', array_to_string(c.reloptions, ', ')) END),
           format('ALTER TABLE %I OWNER TO %s;', c.relname, c.relowner::regrole),
           (SELECT string_agg(pg_get_indexdef(i.indexrelid) || ';', chr(10) ORDER BY i.indexrelid::regclass::text COLLATE "C")
            FROM pg_index AS i WHERE i.indrelid = c.oid AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.indexrelid AND k.conrelid = c.oid AND k.contype IN ('p', 'u', 'x'))),
           (SELECT string_agg(format('COMMENT ON %s IS %L;', CASE WHEN a.attname IS NULL THEN 'TABLE ' || quote_ident(c.relname) ELSE format('COLUMN %I.%I', c.relname, a.attname) END, d.description), chr(10) ORDER BY d.objsubid)
            FROM described AS d LEFT JOIN pg_attribute AS a ON a.attrelid = d.objoid AND a.attnum = d.objsubid AND d.objsubid > 0
            WHERE d.objoid = c.oid AND d.classoid = 'pg_class'::regclass),
           (SELECT string_agg(format('COMMENT ON CONSTRAINT %I ON %I IS %L;', k.conname, c.relname, d.description), chr(10) ORDER BY k.conname COLLATE "C")
            FROM pg_constraint AS k JOIN described AS d ON d.objoid = k.oid AND d.classoid = 'pg_constraint'::regclass WHERE k.conrelid = c.oid),
           g.sql,
           CASE WHEN c.relpersistence <> 'p' THEN format('ALTER TABLE %I SET UNLOGGED;', c.relname) END,
           CASE WHEN c.relreplident <> 'd' THEN format('ALTER TABLE %I REPLICA IDENTITY %s;', c.relname, CASE c.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING' ELSE 'USING INDEX' END) END,
           CASE WHEN c.reltablespace <> 0 THEN format('ALTER TABLE %I SET TABLESPACE %I;', c.relname, (SELECT spcname FROM pg_tablespace WHERE oid = c.reltablespace)) END,
           CASE WHEN c.relrowsecurity THEN format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY;', c.relname) END,
           CASE WHEN c.relforcerowsecurity THEN format('ALTER TABLE %I FORCE ROW LEVEL SECURITY;', c.relname) END,
           (SELECT string_agg(format('CREATE POLICY %I ON %I AS %s FOR %s TO %s%s%s;', p.polname, c.relname, CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
                     CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
                     (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE r::regrole::text END, ', ') FROM unnest(p.polroles) AS r),
                     ' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', ' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')'), chr(10) ORDER BY p.polname COLLATE "C")
            FROM pg_policy AS p WHERE p.polrelid = c.oid),
           (SELECT string_agg(format('ALTER TABLE %I INHERIT %s;', c.relname, h.inhparent::regclass), chr(10) ORDER BY h.inhseqno) FROM pg_inherits AS h WHERE h.inhrelid = c.oid),
           (SELECT string_agg(concat_ws(chr(10),
                     CASE WHEN a.attstorage <> y.typstorage THEN format('ALTER TABLE %I ALTER COLUMN %I SET STORAGE %s;', c.relname, a.attname, CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END) END,
                     CASE WHEN a.attcompression <> '' THEN format('ALTER TABLE %I ALTER COLUMN %I SET COMPRESSION %s;', c.relname, a.attname, CASE a.attcompression WHEN 'p' THEN 'pglz' ELSE 'lz4' END) END,
                     CASE WHEN coalesce(a.attstattarget, -1) <> -1 THEN format('ALTER TABLE %I ALTER COLUMN %I SET STATISTICS %s;', c.relname, a.attname, a.attstattarget) END,
                     CASE WHEN a.attoptions IS NOT NULL THEN format('ALTER TABLE %I ALTER COLUMN %I SET (%s);', c.relname, a.attname, array_to_string(a.attoptions, ', ')) END), chr(10) ORDER BY a.attnum)
            FROM pg_attribute AS a JOIN pg_type AS y ON y.oid = a.atttypid
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND (a.attstorage <> y.typstorage OR a.attcompression <> '' OR coalesce(a.attstattarget, -1) <> -1 OR a.attoptions IS NOT NULL)),
           (SELECT string_agg(format('REINDEX INDEX %s;', i.indexrelid::regclass), chr(10) ORDER BY i.indexrelid::regclass::text COLLATE "C") FROM pg_index AS i WHERE i.indrelid = c.oid AND NOT i.indisvalid),
           (SELECT nullif(string_agg(concat_ws(chr(10),
                     CASE WHEN (q.seqstart, q.seqincrement, q.seqmin, q.seqcache, q.seqcycle) IS DISTINCT FROM (1::bigint, 1::bigint, 1::bigint, 1::bigint, false)
                       OR q.seqmax <> CASE q.seqtypid WHEN 'bigint'::regtype THEN 9223372036854775807 WHEN 'integer'::regtype THEN 2147483647 ELSE 32767 END
                       THEN format('ALTER SEQUENCE %I START %s INCREMENT %s MINVALUE %s MAXVALUE %s CACHE %s %s;', s.relname, q.seqstart, q.seqincrement, q.seqmin, q.seqmax, q.seqcache, CASE WHEN q.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END) END,
                     CASE WHEN s.relowner <> c.relowner THEN format('ALTER SEQUENCE %I OWNER TO %s;', s.relname, s.relowner::regrole) END,
                     (SELECT string_agg(format('GRANT %s ON SEQUENCE %I TO %s%s;', x.privilege_type, s.relname, CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END, CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' END),
                               chr(10) ORDER BY x.grantee::regrole::text COLLATE "C", x.privilege_type) FROM aclexplode(s.relacl) AS x WHERE x.grantee <> s.relowner)), chr(10) ORDER BY s.relname COLLATE "C"), '')
            FROM pg_depend AS b JOIN pg_class AS s ON s.oid = b.objid AND s.relkind = 'S' JOIN pg_sequence AS q ON q.seqrelid = s.oid
            WHERE b.classid = 'pg_class'::regclass AND b.refclassid = 'pg_class'::regclass AND b.refobjid = c.oid AND b.deptype = 'i'
            HAVING bool_or(s.relacl IS NOT NULL OR s.relowner <> c.relowner OR q.seqstart <> 1 OR q.seqincrement <> 1 OR q.seqmin <> 1 OR q.seqcache <> 1 OR q.seqcycle
                        OR q.seqmax <> CASE q.seqtypid WHEN 'bigint'::regtype THEN 9223372036854775807 WHEN 'integer'::regtype THEN 2147483647 ELSE 32767 END)),
           cg.sql, ru.sql),
         concat_ws('; ', 'owner ' || c.relowner::regrole, g.facts, (
           SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))
  FROM pg_class AS c LEFT JOIN grants AS g ON g.objid = c.oid AND g.classid = 'pg_class'::regclass
  LEFT JOIN column_grants AS cg ON cg.objid = c.oid
  LEFT JOIN rules AS ru ON ru.objid = c.oid
  WHERE c.relnamespace = 'iu_core'::regnamespace AND c.relkind = 'r'

  UNION ALL
  SELECT 'function', p.oid::regprocedure::text,
         concat_ws(chr(10), rtrim(pg_get_functiondef(p.oid), chr(10)) || ';', format('ALTER FUNCTION %s OWNER TO %s;', p.oid::regprocedure, p.proowner::regrole),
                   format('COMMENT ON FUNCTION %s IS %L;', p.oid::regprocedure, d.description), g.sql),
         concat_ws('; ', 'owner ' || p.proowner::regrole, CASE WHEN p.prosecdef THEN 'security definer' ELSE 'security invoker' END,
                   CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END, array_to_string(p.proconfig, ', '), g.facts)
  FROM pg_proc AS p
  LEFT JOIN grants AS g ON g.objid = p.oid AND g.classid = 'pg_proc'::regclass
  LEFT JOIN described AS d ON d.objoid = p.oid AND d.classoid = 'pg_proc'::regclass
  WHERE p.pronamespace = 'iu_core'::regnamespace AND p.prokind <> 'a'   -- an aggregate has no such definition

  UNION ALL
  SELECT 'view', c.relname::text,
         concat_ws(chr(10), format('CREATE VIEW %I%s AS', c.relname, CASE WHEN c.reloptions IS NOT NULL THEN format(' WITH (%s)', array_to_string(c.reloptions, ', ')) END),
                   pg_get_viewdef(c.oid), format('ALTER VIEW %I OWNER TO %s;', c.relname, c.relowner::regrole), format('COMMENT ON VIEW %I IS %L;', c.relname, d.description), g.sql,
                   (SELECT string_agg(format('ALTER VIEW %I ALTER COLUMN %I SET DEFAULT %s;', c.relname, a.attname, pg_get_expr(x.adbin, x.adrelid)), chr(10) ORDER BY a.attnum)
                    FROM pg_attrdef AS x JOIN pg_attribute AS a ON a.attrelid = x.adrelid AND a.attnum = x.adnum WHERE x.adrelid = c.oid),
                   cg.sql, ru.sql),
         concat_ws('; ', 'owner ' || c.relowner::regrole, g.facts, (
           SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0))
  FROM pg_class AS c
  LEFT JOIN grants AS g ON g.objid = c.oid AND g.classid = 'pg_class'::regclass
  LEFT JOIN described AS d ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
  LEFT JOIN column_grants AS cg ON cg.objid = c.oid
  LEFT JOIN rules AS ru ON ru.objid = c.oid
  WHERE c.relnamespace = 'iu_core'::regnamespace AND c.relkind = 'v'

  UNION ALL
  SELECT 'trigger', format('%s on %s', t.tgname, t.tgrelid::regclass),
         concat_ws(chr(10), pg_get_triggerdef(t.oid) || ';', format('COMMENT ON TRIGGER %I ON %s IS %L;', t.tgname, t.tgrelid::regclass, d.description)),
         'executes ' || t.tgfoid::regprocedure
  FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
  LEFT JOIN described AS d ON d.objoid = t.oid AND d.classoid = 'pg_trigger'::regclass
  WHERE c.relnamespace = 'iu_core'::regnamespace AND NOT t.tgisinternal

  -- Whatever else stands in the schema. Row types, array types, indexes and identity sequences belong to what
  -- is read above.
  UNION ALL
  SELECT 'other', format('%s %s', o.type, o.identity), format('-- %s %s', o.type, o.identity), o.type
  FROM pg_depend AS d CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) AS o
  WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = 'iu_core'::regnamespace AND d.deptype IN ('n', 'a')
    AND NOT (d.classid = 'pg_proc'::regclass AND (SELECT prokind <> 'a' FROM pg_proc WHERE oid = d.objid))
    AND NOT (d.classid = 'pg_class'::regclass AND (SELECT relkind IN ('r', 'v') FROM pg_class WHERE oid = d.objid))
    AND NOT (d.classid = 'pg_class'::regclass AND EXISTS (SELECT FROM pg_depend AS i WHERE i.classid = d.classid AND i.objid = d.objid AND i.deptype = 'i' AND i.refobjid <> d.objid))
    AND d.classid <> 'pg_default_acl'::regclass
  UNION ALL
  SELECT 'other', format('default privileges of %s on %s', a.defaclrole::regrole, a.defaclobjtype),
         format('-- default privileges of %s on %s: %s', a.defaclrole::regrole, a.defaclobjtype, a.defaclacl), a.defaclacl::text
  FROM pg_default_acl AS a WHERE a.defaclnamespace = 'iu_core'::regnamespace
  ) AS o(class, identity, definition, facts)
  WHERE p_classes IS NULL OR o.class = ANY (p_classes);
END
$function$;
ALTER FUNCTION fn_dot_catalogue(text[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_catalogue(text[]) IS 'Every object of the schema as it stands, or of the classes named: class, identity, the statements that make it, and the facts that no PostgreSQL version spells otherwise (owner, rights, columns, settings)';
ALTER TABLE iu_core.iu_backup_evidence ENABLE TRIGGER trg_iu_backup_evidence_append_only;
ALTER TABLE iu_core.iu_collection_checkpoint ENABLE TRIGGER trg_iu_collection_checkpoint_append_only;
ALTER TABLE iu_core.iu_collection_checkpoint_piece ENABLE TRIGGER trg_iu_collection_checkpoint_piece_append_only;
ALTER TABLE iu_core.iu_import_base ENABLE TRIGGER trg_iu_import_base_append_only;
ALTER TABLE iu_core.dot_iu_command_run ENABLE TRIGGER trg_dot_iu_command_run_append_only;
ALTER TABLE iu_core.dot_iu_command_seal ENABLE TRIGGER trg_dot_iu_command_seal_append_only;
ALTER TABLE iu_core.event_outbox ENABLE TRIGGER trg_event_outbox_append_only;
ALTER TABLE iu_core.iu_archive ENABLE TRIGGER trg_iu_archive_append_only;
ALTER TABLE iu_core.iu_archive_move ENABLE TRIGGER trg_iu_archive_move_append_only;
ALTER TABLE iu_core.iu_route_attempt ENABLE TRIGGER trg_iu_route_attempt_append_only;
ALTER TABLE iu_core.dot_iu_history_block ENABLE TRIGGER trg_dot_iu_history_block_append_only;
ALTER TABLE iu_core.iu_held_decision ENABLE TRIGGER trg_iu_held_decision_append_only;
ALTER TABLE iu_core.unit_version ENABLE TRIGGER trg_unit_version_append_only;
-- What guards the schema is nothing that the comparison of before knows.
SELECT iu_core.fn_dot_inventory_register(NULL, (SELECT jsonb_agg(jsonb_build_array(class, identity, encode(digest, 'hex'), NULL)) FROM iu_core.dot_inventory WHERE class = 'principal'), 'principal', '');
