SET LOCAL search_path = pg_catalog, iu_core, pg_temp;
DROP VIEW iu_core.v_iu_event_type;
CREATE VIEW iu_core.v_iu_event_type AS
 SELECT event_type,
    event_domain,
    delivery_lane,
    is_system,
    description,
    (payload_schema)::text AS payload_schema
   FROM iu_event_type;
ALTER VIEW v_iu_event_type OWNER TO iu_owner;
COMMENT ON VIEW v_iu_event_type IS 'Every event type with the schema that its payload must meet';
GRANT SELECT ON v_iu_event_type TO iu_reader;
CREATE OR REPLACE FUNCTION iu_core.fn_iu_event_types_recompile()
 RETURNS bigint
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  WITH recompiled AS (
    UPDATE iu_event_type SET payload_predicate = fn_iu_schema_compile(payload_schema)
    WHERE payload_predicate::text IS DISTINCT FROM fn_iu_schema_compile(payload_schema)::text
    RETURNING 1
  )
  SELECT count(*) FROM recompiled
$function$;
ALTER FUNCTION fn_iu_event_types_recompile() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_event_types_recompile() IS 'Compiles every payload schema anew, for a deployment that changes the compiler; returns how many predicates changed';
CREATE OR REPLACE FUNCTION iu_core.fn_iu_schema_compile(p_schema jsonb)
 RETURNS jsonpath
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  -- Anywhere, as a keyword or as the name of a property: strict is always right, lax is four times faster.
  v_is_lax constant boolean := NOT jsonb_path_exists(p_schema, '$.**.items');
BEGIN
  RETURN (CASE WHEN v_is_lax THEN 'lax ' ELSE 'strict ' END || fn_iu_schema_predicate(p_schema, v_is_lax))::jsonpath;
END
$function$;
ALTER FUNCTION fn_iu_schema_compile(jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_schema_compile(jsonb) IS 'Compiles a payload schema, but for the names that its root forbids (fn_iu_schema_keys), to one jsonpath predicate: true for a payload that meets it, false for every other. IU002 for a keyword or value outside the subset';
CREATE OR REPLACE FUNCTION iu_core.fn_iu_schema_predicate(p_schema jsonb, p_is_lax boolean, p_base text DEFAULT '$'::text, p_depth integer DEFAULT 0)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_known constant text[] := ARRAY['type', 'required', 'properties', 'additionalProperties', 'items', 'enum', 'const', 'minimum', 'maximum',
                                   'exclusiveMinimum', 'exclusiveMaximum', 'pattern', 'title', 'description', 'examples', '$schema'];
  v_types constant text[] := ARRAY['string', 'number', 'integer', 'boolean', 'object', 'array', 'null'];
  v_parts text[] := '{}';
  v_key text;
  v_value jsonb;
  v_list text;
  v_not_object constant text := CASE WHEN p_schema -> 'type' = '"object"' THEN '' ELSE format('!(%s.type() == "object") || ', p_base) END;
  v_not_number constant text := CASE WHEN p_schema -> 'type' IN ('"number"', '"integer"') THEN '' ELSE format('!(%s.type() == "number") || ', p_base) END;
BEGIN
  IF jsonb_typeof(p_schema) IS DISTINCT FROM 'object' OR p_depth > 8 THEN
    RAISE EXCEPTION 'payload_schema: a schema is a JSON object, nested at most 8 deep' USING ERRCODE = 'IU002', COLUMN = 'payload_schema';
  END IF;
  -- The type first: what stands behind it rests on it.
  FOR v_key, v_value IN SELECT key, value FROM jsonb_each(p_schema) ORDER BY key <> 'type' LOOP
    IF v_key <> ALL (v_known) THEN
      RAISE EXCEPTION 'payload_schema: keyword "%" is not supported', v_key
        USING ERRCODE = 'IU002', COLUMN = 'payload_schema', HINT = 'Supported: ' || array_to_string(v_known, ', ');
    END IF;
    CASE
      WHEN v_key = 'type' AND jsonb_typeof(v_value) IN ('string', 'array') THEN
        SELECT string_agg(CASE
                 WHEN t = 'integer' THEN format('(%1$s.type() == "number" && %1$s.floor() == %1$s)', p_base)
                 ELSE format('%s.type() == %s', p_base, to_json(t)) END, ' || ')
        INTO v_list
        FROM jsonb_array_elements_text(CASE jsonb_typeof(v_value) WHEN 'array' THEN v_value ELSE jsonb_build_array(v_value) END) AS t
        HAVING bool_and(t = ANY (v_types));
        IF v_list IS NULL THEN
          RAISE EXCEPTION 'payload_schema: type must name %', array_to_string(v_types, ', ') USING ERRCODE = 'IU002', COLUMN = 'payload_schema';
        END IF;
        v_parts := v_parts || format('(%s)', v_list);
      WHEN v_key = 'required' AND jsonb_typeof(v_value) = 'array' AND NOT jsonb_path_exists(v_value, '$[*] ? (@.type() != "string")') THEN
        SELECT string_agg(format(CASE WHEN p_is_lax THEN 'exists(%s.%s)' ELSE 'exists(%s.keyvalue() ? (@.key == %s))' END, p_base, to_json(k)), ' && ')
        INTO v_list FROM jsonb_array_elements_text(v_value) AS k WHERE NOT p_is_lax OR (p_schema -> 'properties' -> k ? 'type') IS NOT TRUE;
        IF v_list IS NOT NULL THEN
          v_parts := v_parts || format('(%s(%s))', v_not_object, v_list);
        END IF;
      WHEN v_key = 'properties' AND jsonb_typeof(v_value) = 'object' THEN
        SELECT string_agg(CASE WHEN p_is_lax
                 THEN format(CASE WHEN p_schema -> 'required' ? key THEN '(%3$s)' ELSE '(!exists(%1$s.%2$s) || (%3$s))' END, p_base, to_json(key), fn_iu_schema_predicate(value, true, format('%s.%s', p_base, to_json(key)), p_depth + 1))
                 ELSE format('!exists(%s.keyvalue() ? (@.key == %s && !(%s)))', p_base, to_json(key), fn_iu_schema_predicate(value, false, '@.value', p_depth + 1)) END, ' && ')
        INTO v_list FROM jsonb_each(v_value);
        v_parts := v_parts || format('(%s(%s))', v_not_object, coalesce(v_list, '1 == 1'));
      WHEN v_key = 'additionalProperties' AND jsonb_typeof(v_value) = 'boolean' THEN
        -- The root's are seen by fn_iu_payload_meets: here each name that there is would become an object first.
        IF NOT v_value::boolean AND p_depth > 0 THEN
          SELECT string_agg(format('@.key == %s', to_json(k)), ' || ') INTO v_list FROM jsonb_object_keys(coalesce(p_schema -> 'properties', '{}')) AS k;
          v_parts := v_parts || format('(%s!exists(%s.keyvalue() ? (!(%s))))', v_not_object, p_base, coalesce(v_list, '1 == 0'));
        END IF;
      WHEN v_key = 'items' AND jsonb_typeof(v_value) = 'object' THEN
        v_parts := v_parts || format('(!(%1$s.type() == "array") || !exists(%1$s[*] ? (!(%2$s))))', p_base, fn_iu_schema_predicate(v_value, false, '@', p_depth + 1));
      WHEN v_key IN ('enum', 'const') AND (v_key = 'const' OR jsonb_typeof(v_value) = 'array' AND jsonb_array_length(v_value) > 0) THEN
        SELECT string_agg(format('(%1$s.type() == %2$s && %1$s == %3$s)', p_base, to_json(jsonb_typeof(e)), e), ' || ')
        INTO v_list
        FROM jsonb_array_elements(CASE v_key WHEN 'enum' THEN v_value ELSE jsonb_build_array(v_value) END) AS e
        HAVING bool_and(jsonb_typeof(e) NOT IN ('object', 'array'));
        IF v_list IS NULL THEN
          RAISE EXCEPTION 'payload_schema: % takes strings, numbers, booleans and null', v_key USING ERRCODE = 'IU002', COLUMN = 'payload_schema';
        END IF;
        v_parts := v_parts || format('(%s)', v_list);
      WHEN v_key IN ('minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum') AND jsonb_typeof(v_value) = 'number' THEN
        v_parts := v_parts || format('(%s%s %s %s)', v_not_number, p_base,
          CASE v_key WHEN 'minimum' THEN '>=' WHEN 'maximum' THEN '<=' WHEN 'exclusiveMinimum' THEN '>' ELSE '<' END, v_value);
      WHEN v_key = 'pattern' AND jsonb_typeof(v_value) = 'string' THEN
        BEGIN
          PERFORM format('$ like_regex %s', v_value)::jsonpath;
        EXCEPTION WHEN OTHERS THEN
          RAISE EXCEPTION 'payload_schema: pattern %: %', v_value, SQLERRM USING ERRCODE = 'IU002', COLUMN = 'payload_schema';
        END;
        v_parts := v_parts || format('(!(%1$s.type() == "string") || %1$s like_regex %2$s)', p_base, v_value);
      WHEN v_key IN ('title', 'description', 'examples', '$schema') THEN
        NULL;
      ELSE
        RAISE EXCEPTION 'payload_schema: the value of "%" has the wrong type (%)', v_key, jsonb_typeof(v_value) USING ERRCODE = 'IU002', COLUMN = 'payload_schema';
    END CASE;
  END LOOP;
  RETURN CASE cardinality(v_parts) WHEN 0 THEN '1 == 1' ELSE array_to_string(v_parts, ' && ') END;
END
$function$;
ALTER FUNCTION fn_iu_schema_predicate(jsonb,boolean,text,integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_schema_predicate(jsonb,boolean,text,integer) IS 'Compiles a payload schema, but for the names that its root forbids, to the text of a jsonpath predicate over p_base, for lax mode (no schema with items) or for strict mode; IU002 for a keyword or value outside the subset';
DROP FUNCTION iu_core.fn_iu_pattern_problem(text);
CREATE OR REPLACE FUNCTION iu_core.fn_iu_archive_forecast(p_older_than timestamp with time zone)
 RETURNS TABLE(verdict text, events bigint, attempts bigint, oldest_at timestamp with time zone, newest_at timestamp with time zone)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT verdict, count(*), coalesce(sum(n), 0)::bigint, min(created_at), max(created_at)
  FROM (
    SELECT e.created_at, a.n, CASE
             WHEN e.delivery_lane = 'held' THEN 'held'
             WHEN e.released_from IS NOT NULL THEN 'releases_a_held_event'
             WHEN a.event_id IS NULL THEN 'not_attempted'
             WHEN e.id > coalesce(u.through_id, 0) OR o.event_id IS NOT NULL OR l.xid IS NOT NULL THEN 'not_audited'
             WHEN EXISTS (SELECT FROM iu_route_dead_letter AS d WHERE d.event_id = e.id AND d.status = 'open') THEN 'open_dead_letter'
             WHEN e.id IN (SELECT event_id FROM v_iu_replay_left) THEN 'to_be_replayed'
             WHEN a.newest_at >= p_older_than THEN 'attempted_since'
             ELSE 'archivable' END AS verdict
    FROM event_outbox AS e
    LEFT JOIN (SELECT event_id, count(*) AS n, max(created_at) AS newest_at FROM iu_route_attempt GROUP BY event_id) AS a ON a.event_id = e.id
    LEFT JOIN iu_event_audit AS u ON true
    LEFT JOIN iu_event_audit_open AS o ON o.event_id = e.id
    LEFT JOIN iu_event_audit_late AS l ON l.xid = e.xid AND e.id <= l.through_id
    WHERE e.created_at < p_older_than
  ) AS judged
  GROUP BY verdict
$function$;
ALTER FUNCTION fn_iu_archive_forecast(timestamp with time zone) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_archive_forecast(timestamp with time zone) IS 'What an archive of all events older than a time would take, and what would stay and why. It takes as long as there are events';
GRANT EXECUTE ON FUNCTION fn_iu_archive_forecast(timestamp with time zone) TO iu_reader;
CREATE OR REPLACE FUNCTION iu_core.fn_dot_command_run(p_command text, p_mode text, p_params jsonb DEFAULT '{}'::jsonb, p_reason text DEFAULT NULL::text, p_plan_digest text DEFAULT NULL::text, p_target_run_id bigint DEFAULT NULL::bigint, p_confirm text DEFAULT NULL::text, p_idempotency_key text DEFAULT NULL::text, p_token text DEFAULT NULL::text)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET quote_all_identifiers TO 'off'
 SET standard_conforming_strings TO 'on'
 SET bytea_output TO 'hex'
 SET "DateStyle" TO 'ISO, YMD'
 SET "IntervalStyle" TO 'postgres'
 SET extra_float_digits TO '1'
 SET "plpgsql.extra_errors" TO 'none'
AS $function$
DECLARE
  v_started constant timestamptz := clock_timestamp();
  v_reason constant text := nullif(btrim(p_reason, E' \t\r\n'), '');
  v_who record;
  v_target dot_iu_command_run;     -- the run that is verified or undone
  v_command dot_iu_command;
  v_params jsonb := coalesce(p_params, '{}');
  v_param_digest bytea;
  v_input jsonb;                   -- the parameters without secrets
  v_plan dot_iu_command_run;
  v_run dot_iu_command_run;
  v_outcome jsonb;
  v_gates jsonb;
  v_problems text[];
  v_events_before bigint;
  v_overtaken bigint;
  v_drifted text;
  v_events jsonb := '[]';
  v_message text;
  v_detail text;
  v_hint text;
  v_column text;
BEGIN
  IF p_mode IS NULL OR p_mode NOT IN ('plan', 'apply', 'verify', 'rollback') THEN
    RAISE EXCEPTION 'mode: "%" is not plan, apply, verify or rollback', coalesce(left(p_mode, 40), 'null') USING ERRCODE = 'IU002', COLUMN = 'mode';
  END IF;
  -- Under a snapshot of its own the dispatcher would not see a gate that was closed meanwhile.
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'a command needs READ COMMITTED, not %', upper(current_setting('transaction_isolation')) USING ERRCODE = 'IU011';
  END IF;
  SELECT * INTO STRICT v_who FROM fn_iu_who(p_token);

  IF p_target_run_id IS NOT NULL THEN
    SELECT * INTO v_target FROM dot_iu_command_run WHERE id = p_target_run_id AND mode IN ('apply', 'rollback') AND status = 'succeeded';
    IF NOT FOUND THEN
      RAISE EXCEPTION 'run: % is no run that did something', p_target_run_id USING ERRCODE = 'IU003', COLUMN = 'run', HINT = 'Only an apply or a rollback that succeeded can be verified or undone.';
    ELSIF v_target.receipt ->> 'command' IS DISTINCT FROM p_command THEN
      RAISE EXCEPTION 'run: % is a run of %', p_target_run_id, v_target.receipt ->> 'command' USING ERRCODE = 'IU002', COLUMN = 'run';
    END IF;
  ELSIF p_mode IN ('verify', 'rollback') THEN
    RAISE EXCEPTION 'run: say which run to %', p_mode USING ERRCODE = 'IU002', COLUMN = 'run';
  END IF;
  -- What undoes a run is a command like any other, with that command's right, gates and friction.
  SELECT * INTO v_command FROM dot_iu_command
  WHERE command_code = CASE WHEN p_target_run_id IS NULL OR p_mode = 'verify' THEN p_command ELSE coalesce(v_target.receipt -> 'inverse' ->> 'command', p_command) END;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'command: there is no %', coalesce(left(p_command, 80), 'null') USING ERRCODE = 'IU003', COLUMN = 'command';
  END IF;
  IF fn_iu_right_rank(v_who.account_right) < fn_iu_right_rank(v_command.required_right) THEN
    RAISE EXCEPTION '% needs the right %, and % has %', v_command.command_code, v_command.required_right, v_who.actor, v_who.account_right USING ERRCODE = 'IU013';
  ELSIF NOT (v_who.scopes && ARRAY['*', v_command.command_code]) THEN
    RAISE EXCEPTION 'this token has no scope %', v_command.command_code USING ERRCODE = 'IU013', HINT = 'Its scopes: ' || array_to_string(v_who.scopes, ', ');
  END IF;

  IF p_mode = 'verify' THEN
    v_params := v_target.params;
    v_param_digest := v_target.param_digest;
  ELSIF p_target_run_id IS NOT NULL THEN
    v_params := coalesce(v_target.receipt -> 'inverse' -> 'params', '{}');
  END IF;
  -- Without its secrets: the console salts a password anew at each call, and a repeat must be known as one.
  v_input := CASE WHEN jsonb_typeof(v_params) = 'object' THEN v_params - v_command.secret_params ELSE v_params END;
  v_param_digest := coalesce(v_param_digest, sha256(convert_to(v_input::text, 'UTF8')));

  v_run.command_code := v_command.command_code; v_run.mode := p_mode; v_run.actor := v_who.actor; v_run.actor_kind := v_who.actor_kind;
  v_run.reason := left(v_reason, 2000); v_run.target_run_id := p_target_run_id; v_run.started_at := v_started; v_run.param_digest := v_param_digest;
  v_run.idempotency_key := CASE WHEN p_mode IN ('apply', 'rollback') THEN nullif(p_idempotency_key, '') END;
  v_run.object_refs := '{}'; v_run.event_count := 0;
  v_run.params := CASE WHEN p_mode = 'verify' THEN v_params ELSE fn_dot_params_kept(v_command, v_params) END;

  IF v_run.idempotency_key IS NOT NULL THEN
    IF octet_length(v_run.idempotency_key) > 200 THEN
      RAISE EXCEPTION 'idempotency_key: at most 200 bytes' USING ERRCODE = 'IU002', COLUMN = 'idempotency_key';
    END IF;
    -- The second click waits for the first, and is told what the first was told.
    PERFORM pg_advisory_xact_lock(hashtextextended('iu_core.command ' || v_run.actor || chr(10) || v_run.idempotency_key, 0));
    SELECT * INTO v_plan FROM dot_iu_command_run WHERE actor = v_run.actor AND idempotency_key = v_run.idempotency_key AND status = 'succeeded';
    IF FOUND THEN
      IF (v_plan.command_code, v_plan.mode, v_plan.param_digest) = (v_run.command_code, p_mode, v_param_digest) AND v_plan.target_run_id IS NOT DISTINCT FROM p_target_run_id THEN
        RETURN v_plan.receipt || '{"repeated": true}';
      END IF;
      v_run.idempotency_key := NULL;
      RETURN fn_dot_run_write(v_run, jsonb_build_object('status', 'refused', 'sqlstate', 'IU015', 'field', 'idempotency_key',
        'detail', format('the key was used for another input, by run %s', v_plan.id), 'hint', 'Use a new key for a new intention.'));
    END IF;
    v_plan := NULL;
  END IF;

  -- Outside of the subtransaction: what the comparison came to is kept, whatever becomes of the command.
  IF p_mode <> 'verify' AND p_target_run_id IS NULL AND NOT fn_dot_works_in_drift(v_command.command_code) THEN
    v_drifted := fn_dot_drift_refused(true) ->> v_command.command_code;
  END IF;

  BEGIN
    IF p_mode = 'verify' THEN
      RETURN fn_dot_run_verify(v_run, v_target);
    END IF;
    IF p_target_run_id IS NOT NULL THEN
      -- Two who undo one run take turns; the ledger's row is only locked, never changed.
      PERFORM FROM dot_iu_command_run WHERE id = p_target_run_id FOR UPDATE;
      IF v_target.receipt -> 'inverse' IS NULL OR v_target.receipt -> 'inverse' = 'null' THEN
        RAISE EXCEPTION 'run %: %', p_target_run_id, coalesce(v_target.receipt ->> 'irreversible', 'it cannot be undone') USING ERRCODE = 'IU017', COLUMN = 'run';
      ELSIF EXISTS (SELECT FROM dot_iu_command_run WHERE target_run_id = p_target_run_id AND mode = 'rollback' AND status = 'succeeded') THEN
        RAISE EXCEPTION 'run % is undone already', p_target_run_id USING ERRCODE = 'IU016', COLUMN = 'run';
      END IF;
    END IF;
    v_problems := ARRAY(SELECT regexp_replace(regexp_replace(p, '^\$:', 'params:'), '^\$\.?', '') FROM unnest(fn_iu_payload_problems(v_params, v_command.param_schema)) AS p);
    IF cardinality(v_problems) > 0 THEN
      RAISE EXCEPTION '%', array_to_string(v_problems, '; ') USING ERRCODE = 'IU002', COLUMN = split_part(v_problems[1], ':', 1);
    END IF;
    IF octet_length(v_reason) > 2000 OR v_reason ~ '[\x01-\x08\x0b-\x1f\x7f]' THEN
      RAISE EXCEPTION 'reason: at most 2000 bytes, without control characters' USING ERRCODE = 'IU002', COLUMN = 'reason';
    END IF;
    IF p_mode <> 'plan' THEN
      IF v_command.reason_required AND v_reason IS NULL THEN
        RAISE EXCEPTION 'reason: say why' USING ERRCODE = 'IU002', COLUMN = 'reason';
      ELSIF v_command.confirm_param IS NOT NULL AND p_confirm IS DISTINCT FROM v_params ->> v_command.confirm_param THEN
        RAISE EXCEPTION 'confirm: type %', v_params ->> v_command.confirm_param USING ERRCODE = 'IU002', COLUMN = 'confirm';
      ELSIF v_command.tier > 1 AND p_plan_digest IS NULL THEN
        RAISE EXCEPTION 'plan_digest: % is applied from a plan', v_command.command_code USING ERRCODE = 'IU002', COLUMN = 'plan_digest', HINT = 'Plan it, read the plan, and pass its digest.';
      END IF;
      IF p_plan_digest IS NOT NULL THEN
        SELECT * INTO v_plan FROM dot_iu_command_run
        WHERE plan_digest = CASE WHEN p_plan_digest ~ '^[0-9a-f]{64}$' THEN decode(p_plan_digest, 'hex') END AND status = 'planned'
          AND (command_code, param_digest) = (v_command.command_code, v_param_digest) AND target_run_id IS NOT DISTINCT FROM p_target_run_id
        ORDER BY id DESC LIMIT 1
        FOR UPDATE;
        IF NOT FOUND THEN
          RAISE EXCEPTION 'plan_digest: no plan of this command with these parameters has it' USING ERRCODE = 'IU014', COLUMN = 'plan_digest', HINT = 'Plan again.';
        ELSIF v_plan.finished_at < clock_timestamp() - interval '1 hour' THEN
          RAISE EXCEPTION 'plan_digest: the plan is of %, and a plan holds for an hour', v_plan.finished_at USING ERRCODE = 'IU014', COLUMN = 'plan_digest', HINT = 'Plan again.';
        END IF;
        v_run.plan_run_id := v_plan.id;
        IF EXISTS (SELECT FROM dot_iu_command_run WHERE plan_run_id = v_plan.id AND status = 'succeeded') THEN
          RAISE EXCEPTION 'plan_digest: this plan was applied already' USING ERRCODE = 'IU014', COLUMN = 'plan_digest', HINT = 'Plan again, if it is wanted twice.';
        END IF;
      END IF;
    END IF;
    PERFORM fn_iu_gate_require(g) FROM unnest(v_command.gates) AS g;
    IF v_drifted IS NOT NULL THEN
      RAISE EXCEPTION '% needs %, which is not as it was deployed', v_command.command_code, v_drifted USING ERRCODE = 'IU020',
        HINT = 'Conformance (v_dot_drift) shows what differs and how to put it right. Closing, disabling and undoing go on working.';
    END IF;
    SELECT jsonb_object_agg(gate, state) INTO v_gates FROM v_iu_gate;

    v_events_before := coalesce(pg_sequence_last_value('iu_core.event_outbox_id_seq'), 0);
    INSERT INTO dot_iu_acting (xid, actor) VALUES (pg_current_xact_id(), v_who.actor);
    EXECUTE format('SELECT iu_core.%I($1, $2)', v_command.command_code) INTO v_outcome
      USING v_params, jsonb_strip_nulls(jsonb_build_object('actor', v_who.actor, 'actor_kind', v_who.actor_kind, 'account_id', v_who.account_id,
        'right', v_who.account_right, 'reason', v_reason, 'frozen', v_plan.frozen));
    -- What a constraint would refuse at the commit, it refuses here: a plan that passes is one that commits.
    -- Each by its name: ALL would be the caller's own too, and up to PostgreSQL 17 their triggers would run as the owner.
    SET CONSTRAINTS iu_core.iu_collection_piece_position_key IMMEDIATE;
    DELETE FROM dot_iu_acting WHERE xid = pg_current_xact_id();
    IF p_target_run_id IS NOT NULL THEN
      -- Asked when the handler holds its locks: whoever changed the same before is on record by now.
      v_overtaken := fn_dot_run_overtaken(v_target);
      IF v_overtaken IS NOT NULL THEN
        RAISE EXCEPTION 'run: what run % did was changed again by run %', p_target_run_id, v_overtaken USING ERRCODE = 'IU014', COLUMN = 'run',
          HINT = format('Undo run %s first, or ask for what is wanted by a command of its own.', v_overtaken);
      END IF;
    END IF;

    SELECT coalesce(jsonb_agg(jsonb_build_object('type', event_type, 'lane', delivery_lane, 'count', n) ORDER BY event_type COLLATE "C", delivery_lane), '[]'),
           coalesce(sum(n), 0), min(first), max(last)
    INTO v_events, v_run.event_count, v_run.event_from, v_run.event_to
    FROM (SELECT event_type, delivery_lane, count(*) AS n, min(id) AS first, max(id) AS last
          FROM event_outbox WHERE id > v_events_before AND xid = pg_current_xact_id() GROUP BY event_type, delivery_lane) AS e;
    v_run.state_digest := sha256(convert_to(coalesce(v_outcome -> 'state', '{}')::text, 'UTF8'));
    v_run.plan_digest := sha256(convert_to(v_command.command_code || chr(10) || v_input::text || chr(10) || v_gates::text || chr(10) || coalesce(v_outcome -> 'frozen', 'null')::text, 'UTF8') || v_run.state_digest);
    v_run.frozen := CASE WHEN p_mode = 'plan' THEN v_outcome -> 'frozen' END;
    SELECT coalesce(array_agg(DISTINCT r ORDER BY r), '{}') INTO v_run.object_refs
    FROM (SELECT o ->> 'ref' FROM jsonb_array_elements(coalesce(v_outcome -> 'objects', '[]')) AS o
          UNION ALL SELECT jsonb_array_elements_text(coalesce(v_outcome -> 'refs', '[]'))) AS touched(r);

    IF p_mode = 'plan' THEN
      RAISE EXCEPTION 'taken back' USING ERRCODE = 'XPLAN';
    END IF;
    IF v_plan.id IS NOT NULL AND v_plan.plan_digest <> v_run.plan_digest THEN
      RAISE EXCEPTION 'plan_digest: what the plan was made of has changed' USING ERRCODE = 'IU014', COLUMN = 'plan_digest',
        DETAIL = CASE WHEN v_plan.state_digest = v_run.state_digest THEN 'A gate has changed since.' ELSE 'The state has moved on since.' END, HINT = 'Plan again.';
    END IF;
    -- What was true at the start must be true at the end: a gate that closed meanwhile stops the command here.
    PERFORM fn_iu_gate_require(g) FROM unnest(v_command.gates) AS g;
    -- So must who acts, unless the command has just shut the door behind them, as a new password does.
    IF NOT EXISTS (SELECT FROM jsonb_array_elements(v_outcome -> 'objects') AS o
                   WHERE o ->> 'change' = 'update' AND (o ->> 'ref' = 'account:' || v_who.actor OR starts_with(o ->> 'ref', format('token:%s/', v_who.actor)))) THEN
      PERFORM FROM fn_iu_who(p_token);
    END IF;
    v_message := 'done';
  EXCEPTION
    WHEN serialization_failure OR deadlock_detected OR lock_not_available THEN
      RAISE;                                          -- the caller tries again with the same key
    WHEN SQLSTATE 'IU012' THEN
      RAISE;
    WHEN SQLSTATE 'XPLAN' THEN
      v_message := 'planned';
    WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS v_message = MESSAGE_TEXT, v_detail = PG_EXCEPTION_DETAIL, v_hint = PG_EXCEPTION_HINT, v_column = COLUMN_NAME;
      -- In the words of this command's parameters.
      IF fn_dot_field(v_column, v_command.param_schema) <> v_column THEN
        v_message := regexp_replace(v_message, '^' || v_column || ':', fn_dot_field(v_column, v_command.param_schema) || ':');
        v_column := fn_dot_field(v_column, v_command.param_schema);
      END IF;
      v_run.frozen := NULL; v_run.object_refs := '{}'; v_run.event_count := 0; v_run.event_from := NULL; v_run.event_to := NULL;
      RETURN fn_dot_run_write(v_run, jsonb_build_object(
        'status', CASE WHEN fn_dot_refusal_code(SQLSTATE) IS NULL THEN 'failed' ELSE 'refused' END, 'sqlstate', SQLSTATE,
        'field', nullif(v_column, ''), 'detail', v_message, 'more', nullif(v_detail, ''), 'hint', nullif(v_hint, ''),
        'errors', CASE WHEN cardinality(v_problems) > 0 THEN (SELECT jsonb_agg(jsonb_build_object('field', split_part(p, ': ', 1), 'message', substr(p, length(split_part(p, ': ', 1)) + 3))) FROM unnest(v_problems) AS p) END));
  END;
  RETURN fn_dot_run_write(v_run, jsonb_build_object('status', CASE p_mode WHEN 'plan' THEN 'planned' ELSE 'succeeded' END, 'events', v_events), v_outcome);
END
$function$;
ALTER FUNCTION fn_dot_command_run(text,text,jsonb,text,text,bigint,text,text,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_command_run(text,text,jsonb,text,text,bigint,text,text,text) IS 'Runs a command for who holds the token (without one: for the login): plan, apply, verify or rollback; returns the receipt, which is also the ledger''s row. A refusal is returned, not raised. Raises 40001, 40P01 and 55P03 (try again with the same key), IU012 nobody, IU013 no right, IU003 unknown command or run, IU002 bad mode or key, IU011 isolation; these leave no row';
GRANT EXECUTE ON FUNCTION fn_dot_command_run(text,text,jsonb,text,text,bigint,text,text,text) TO iu_approver;
GRANT EXECUTE ON FUNCTION fn_dot_command_run(text,text,jsonb,text,text,bigint,text,text,text) TO iu_console;
GRANT EXECUTE ON FUNCTION fn_dot_command_run(text,text,jsonb,text,text,bigint,text,text,text) TO iu_operator;
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_batch(p_cursor iu_route_worker_cursor, p_own xid8, p_batch_size integer, OUT seen integer, OUT last_id bigint, OUT attempts_written integer, OUT skipped integer, OUT dead_lettered integer)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_page record;
  v_event bigint;
  v_route integer;
  v_status text;
BEGIN
  BEGIN
    v_page := fn_iu_route_page(p_cursor, p_own, p_batch_size, false);
  EXCEPTION WHEN unique_violation THEN
    -- Only after a reset, a restore or a join: to look before each insert would slow down every page.
    v_page := fn_iu_route_page(p_cursor, p_own, p_batch_size, true);
  END;
  seen := v_page.seen; last_id := v_page.last_id; dead_lettered := v_page.dead_lettered;
  attempts_written := 0; skipped := 0;
  IF v_page.singles IS NOT NULL THEN
    FOR v_event, v_route IN
      SELECT e.id, coalesce(r.route_id, 0)
      FROM unnest(v_page.singles) AS s(id)
      JOIN event_outbox AS e ON e.id = s.id
      LEFT JOIN v_iu_route_rule AS r ON r.event_type = e.event_type
      WHERE NOT EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = e.id AND a.route_id = coalesce(r.route_id, 0) AND a.attempt_no = 1)
      ORDER BY e.id, r.route_id
    LOOP
      v_status := fn_iu_route_attempt_one(p_cursor.worker_code, v_event, v_route, 1);
      attempts_written := attempts_written + CASE WHEN v_status IS NULL THEN 0 ELSE 1 END;
      skipped := skipped + CASE WHEN v_status = 'skipped' THEN 1 ELSE 0 END;
      dead_lettered := dead_lettered + CASE WHEN v_status = 'failed' THEN 1 ELSE 0 END;
    END LOOP;
  END IF;
  FOR i IN 1 .. cardinality(v_page.counts) LOOP
    attempts_written := attempts_written + v_page.counts[i];
    skipped := skipped + CASE v_page.statuses[i] WHEN 'skipped' THEN v_page.counts[i] ELSE 0 END;
  END LOOP;
  IF cardinality(v_page.counts) > 0 THEN
    PERFORM fn_iu_route_rollup_add(p_cursor.worker_code, v_page.decided_at, v_page.route_ids, v_page.statuses, v_page.counts);
  END IF;
END
$function$;
ALTER FUNCTION fn_iu_route_batch(iu_route_worker_cursor,xid8,integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_batch(iu_route_worker_cursor,xid8,integer) IS 'Routes one page of the window that the cursor describes, live routes included, and keeps the roll-up; the cursor is not moved. p_own is the caller''s own transaction where it has written, so that it may read its own events';
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_page(p_cursor iu_route_worker_cursor, p_own xid8, p_batch_size integer, p_is_reread boolean, OUT seen integer, OUT last_id bigint, OUT decided_at timestamp with time zone, OUT route_ids integer[], OUT statuses text[], OUT counts integer[], OUT dead_lettered integer, OUT singles bigint[])
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
DECLARE
  v_new_from constant xid8 := pg_snapshot_xmax(p_cursor.snap_from);
  v_running constant xid8[] := ARRAY(SELECT pg_snapshot_xip(p_cursor.snap_to));
  -- In progress when the last window ended, finished by the end of this one: the late commits.
  v_late constant xid8[] := ARRAY(SELECT x FROM pg_snapshot_xip(p_cursor.snap_from) AS x WHERE pg_visible_in_snapshot(x, p_cursor.snap_to));
  v_own_after constant bigint := CASE WHEN p_cursor.own_xid = p_own THEN p_cursor.own_last_id ELSE 0 END;
  -- A bit for each bucket and not a range: of a range the planner expects one event in two hundred, and joins a whole page one by one.
  v_buckets constant integer := (1 << (p_cursor.bucket_to + 1)) - (1 << p_cursor.bucket_from::integer);
  v_bad bigint[];
BEGIN
  -- One time for the page: an hour's attempts and its roll-up are the same ones.
  decided_at := clock_timestamp();
  WITH rule AS MATERIALIZED (           -- read once a page, not once an event
    SELECT event_type, route_id, target_kind, target_ref, skip_code, decision, payload_predicate IS NOT NULL AS is_judging FROM v_iu_route_rule
  ), type AS MATERIALIZED (
    SELECT t.event_type, t.payload_schema, t.payload_keys, CASE WHEN t.event_type IN (SELECT r.event_type FROM rule AS r WHERE r.is_judging) THEN t.payload_predicate END AS payload_predicate,
           t.event_type IN (SELECT r.event_type FROM rule AS r WHERE r.decision = 'live') AS is_live
    FROM iu_event_type AS t
  ), page AS MATERIALIZED (             -- judged before it is kept, so that no payload is
    SELECT e.id, e.event_type,
           CASE WHEN t.event_type IS NULL THEN 'the type is not registered'
                WHEN t.payload_predicate IS NOT NULL AND NOT fn_iu_payload_meets(e.payload, t.payload_predicate, t.payload_keys)
                THEN array_to_string(fn_iu_payload_problems(e.payload, t.payload_schema), '; ') END AS problems,
           -- Read once more after a join or a reset: what was decided before is not decided for a route that was registered since.
           CASE WHEN e.id <= p_cursor.reread_id THEN EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = e.id LIMIT 1) END AS is_old,
           -- A delivery cannot be taken back by a conflict: a live route is taken by itself.
           CASE WHEN p_is_reread OR t.is_live THEN true END AS is_single
    FROM (
      SELECT id, event_type, payload FROM (
        (SELECT late.* FROM unnest(v_late) AS l(x) CROSS JOIN LATERAL (
           SELECT e.id, e.event_type, e.payload FROM event_outbox AS e
           -- One transaction as a range, in the order of its index: of what one wrote among few, the planner expects
           -- so many rows that it would rather walk the primary key.
           WHERE e.xid >= l.x AND e.xid <= l.x AND e.delivery_lane <> 'held' AND (v_buckets >> e.bucket) & 1 <> 0
             AND e.id > CASE WHEN l.x = p_cursor.own_xid THEN greatest(p_cursor.last_id, p_cursor.own_last_id) ELSE p_cursor.last_id END
           ORDER BY e.xid, e.id LIMIT p_batch_size) AS late)
        UNION ALL
        (SELECT e.id, e.event_type, e.payload FROM event_outbox AS e
         WHERE e.id > greatest(p_cursor.last_id, p_cursor.floor_id) AND e.xid >= v_new_from
           AND CASE WHEN e.id <= p_cursor.trusted_id THEN e.xid <> ALL (v_running) ELSE pg_visible_in_snapshot(e.xid, p_cursor.snap_to) END
           AND e.delivery_lane <> 'held' AND (v_buckets >> e.bucket) & 1 <> 0
         ORDER BY e.id LIMIT p_batch_size)
        UNION ALL
        (SELECT e.id, e.event_type, e.payload FROM event_outbox AS e
         WHERE e.xid >= p_own AND e.xid <= p_own AND e.id > v_own_after
           AND e.delivery_lane <> 'held' AND (v_buckets >> e.bucket) & 1 <> 0
         ORDER BY e.xid, e.id LIMIT p_batch_size)
      ) AS became_visible
      ORDER BY id LIMIT p_batch_size
    ) AS e
    LEFT JOIN type AS t ON t.event_type = e.event_type
  ), attempted AS (                     -- as v_iu_route_decision decides
    INSERT INTO iu_route_attempt (event_id, route_id, attempt_no, status, failure_code, failure_detail, target_kind, target_ref, worker_code, created_at)
    SELECT id, route_id, 1, CASE WHEN is_bad THEN 'failed' ELSE decision END, CASE WHEN is_bad THEN fault ELSE skip_code END,
           CASE WHEN is_bad THEN problems END, target_kind, target_ref, p_cursor.worker_code, decided_at
    FROM (
      SELECT p.id, coalesce(r.route_id, 0) AS route_id, p.problems, r.target_kind, r.target_ref, r.skip_code, r.decision,
             p.problems IS NOT NULL AND r.is_judging IS NOT FALSE AS is_bad,
             CASE WHEN r.event_type IS NULL THEN 'unknown_event_type' ELSE 'payload_schema' END AS fault
      FROM page AS p
      LEFT JOIN rule AS r ON r.event_type = p.event_type
      WHERE p.is_old IS NOT TRUE AND NOT p_is_reread
    ) AS decided
    WHERE is_bad OR decision <> 'live'
    ORDER BY id                         -- in that of the index, also where a small page was hashed
  )
  SELECT p.seen, p.last_id, p.bad, p.singles, a.route_ids, a.statuses, a.counts
  INTO seen, last_id, v_bad, singles, route_ids, statuses, counts
  FROM (SELECT count(*) AS seen, max(id) AS last_id, array_agg(id) FILTER (WHERE problems IS NOT NULL AND is_old IS NOT TRUE) AS bad,
               array_agg(id) FILTER (WHERE is_single AND is_old IS NOT TRUE) AS singles FROM page) AS p
  -- Counted by type, of which there are few, and not once more by event and route.
  CROSS JOIN (
    SELECT coalesce(array_agg(route_id), '{}') AS route_ids, coalesce(array_agg(status), '{}') AS statuses, coalesce(array_agg(n), '{}') AS counts
    FROM (SELECT coalesce(r.route_id, 0) AS route_id, CASE WHEN k.has_problems AND r.is_judging IS NOT FALSE THEN 'failed' ELSE r.decision END AS status, sum(k.n)::integer AS n
          FROM (SELECT event_type, problems IS NOT NULL AS has_problems, count(*) AS n FROM page WHERE is_old IS NOT TRUE AND NOT p_is_reread GROUP BY 1, 2) AS k
          LEFT JOIN rule AS r ON r.event_type = k.event_type
          GROUP BY 1, 2) AS counted
    WHERE status <> 'live'
  ) AS a;
  dead_lettered := 0;
  IF v_bad IS NOT NULL AND NOT p_is_reread THEN
    INSERT INTO iu_route_dead_letter (event_id, route_id, attempt_no, failure_code, failure_detail, event_domain, event_type,
                                      event_subject_table, event_subject_ref, payload, actor, event_created_at)
    SELECT e.id, a.route_id, 1, a.failure_code, a.failure_detail, e.event_domain, e.event_type,
           e.event_subject_table, e.event_subject_ref, e.payload, e.actor, e.created_at
    FROM unnest(v_bad) AS bad(id)
    CROSS JOIN LATERAL (SELECT * FROM event_outbox AS o WHERE o.id = bad.id LIMIT 1) AS e
    CROSS JOIN LATERAL (SELECT * FROM iu_route_attempt AS t WHERE t.event_id = bad.id AND t.attempt_no = 1 AND t.status = 'failed' OFFSET 0) AS a
    ORDER BY e.id, a.route_id;
    GET DIAGNOSTICS dead_lettered = ROW_COUNT;
  END IF;
END
$function$;
ALTER FUNCTION fn_iu_route_page(iu_route_worker_cursor,xid8,integer,boolean) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_page(iu_route_worker_cursor,xid8,integer,boolean) IS 'Routes one page of the window that the cursor describes; the events that have a live route are returned as singles, for what has no attempt of them. p_own is the caller''s own transaction where it has written, so that it may read its own events. Raises unique_violation where an event was attempted before or has an open dead letter, unless p_is_reread: then every event is a single';
DROP VIEW iu_core.v_iu_route_decision;
DROP VIEW iu_core.v_iu_route_rule;
CREATE VIEW iu_core.v_iu_route_rule AS
 SELECT t.event_type,
    COALESCE(r.id, 0) AS route_id,
    r.target_kind,
    r.target_ref,
        CASE
            WHEN ((r.enabled IS NOT FALSE) AND (t.payload_schema <> '{}'::jsonb)) THEN t.payload_predicate
            ELSE NULL::jsonpath
        END AS payload_predicate,
    t.payload_schema,
        CASE
            WHEN (r.id IS NULL) THEN 'no_route'::text
            WHEN (NOT r.enabled) THEN 'route_disabled'::text
            ELSE NULL::text
        END AS skip_code,
        CASE
            WHEN ((r.id IS NULL) OR (NOT r.enabled)) THEN 'skipped'::text
            WHEN r.dry_run THEN 'dry_run'::text
            ELSE 'live'::text
        END AS decision,
    t.payload_keys
   FROM (iu_event_type t
     LEFT JOIN iu_outbound_route r ON ((r.event_type = t.event_type)));
ALTER VIEW v_iu_route_rule OWNER TO iu_owner;
COMMENT ON VIEW v_iu_route_rule IS 'What becomes of an event of each type on each of its routes, now: failed where there is a payload_predicate and the payload does not meet it and payload_keys, else the decision; an event of no type here fails as unknown_event_type';
CREATE VIEW iu_core.v_iu_route_decision AS
 SELECT e.id AS event_id,
    COALESCE(r.route_id, 0) AS route_id,
    r.target_kind,
    r.target_ref,
    COALESCE(f.fault, r.skip_code) AS failure_code,
        CASE
            WHEN (f.fault IS NULL) THEN r.decision
            ELSE 'failed'::text
        END AS decision,
        CASE f.fault
            WHEN 'payload_schema'::text THEN array_to_string(fn_iu_payload_problems(e.payload, r.payload_schema), '; '::text)
            WHEN 'unknown_event_type'::text THEN 'the type is not registered'::text
            ELSE NULL::text
        END AS failure_detail
   FROM ((event_outbox e
     LEFT JOIN v_iu_route_rule r ON ((r.event_type = e.event_type)))
     CROSS JOIN LATERAL ( SELECT
                CASE
                    WHEN (r.event_type IS NULL) THEN 'unknown_event_type'::text
                    WHEN ((r.payload_predicate IS NOT NULL) AND (NOT fn_iu_payload_meets(e.payload, r.payload_predicate, r.payload_keys))) THEN 'payload_schema'::text
                    ELSE NULL::text
                END AS fault
         OFFSET 0) f);
ALTER VIEW v_iu_route_decision OWNER TO iu_owner;
COMMENT ON VIEW v_iu_route_decision IS 'What the worker would decide on each event for each of its routes, now: dry_run, live, failed or skipped, with the code';
DROP FUNCTION iu_core.fn_iu_payload_judged(jsonb,jsonb,jsonpath,text[],text);
CREATE OR REPLACE FUNCTION iu_core.fn_iu_event_types_register(p_event_domain text, p_delivery_lane text, p_is_system boolean, p_types jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_type text;
  v_entry jsonb;
BEGIN
  PERFORM fn_iu_classify('event_domain', ARRAY[p_event_domain], 'event_domain');
  PERFORM fn_iu_classify('delivery_lane', ARRAY[p_delivery_lane], 'delivery_lane');
  IF p_delivery_lane = 'held' THEN
    RAISE EXCEPTION 'delivery_lane: held is where the master gate puts events, no type lives there'
      USING ERRCODE = 'IU002', COLUMN = 'delivery_lane', HINT = 'Use immediate or delayed.';
  END IF;
  FOR v_type, v_entry IN SELECT key, value FROM jsonb_each(p_types) LOOP
    -- A system type cannot be taken over by an application, nor the other way round.
    IF EXISTS (SELECT FROM iu_event_type WHERE event_type = v_type AND is_system <> p_is_system) THEN
      RAISE EXCEPTION 'event_type: % is already registered by %', v_type, CASE WHEN p_is_system THEN 'an application' ELSE 'the system' END
        USING ERRCODE = 'IU008', COLUMN = 'event_type', HINT = 'Choose another name.';
    END IF;
    INSERT INTO iu_event_type (event_type, event_domain, delivery_lane, payload_schema, payload_predicate, is_system, description, registered_by)
    VALUES (v_type, p_event_domain, p_delivery_lane, coalesce(v_entry -> 'payload_schema', '{}'),
            fn_iu_schema_compile(coalesce(v_entry -> 'payload_schema', '{}')), p_is_system, v_entry ->> 'description', fn_iu_actor())
    ON CONFLICT (event_type) DO UPDATE
    SET event_domain = excluded.event_domain, delivery_lane = excluded.delivery_lane, payload_schema = excluded.payload_schema,
        payload_predicate = excluded.payload_predicate, description = excluded.description,
        registered_at = clock_timestamp(), registered_by = fn_iu_actor()
    WHERE (iu_event_type.event_domain, iu_event_type.delivery_lane, iu_event_type.payload_schema, iu_event_type.payload_predicate::text, iu_event_type.description)
      IS DISTINCT FROM (excluded.event_domain, excluded.delivery_lane, excluded.payload_schema, excluded.payload_predicate::text, excluded.description);
  END LOOP;
END
$function$;
ALTER FUNCTION fn_iu_event_types_register(text,text,boolean,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_event_types_register(text,text,boolean,jsonb) IS 'Registers event types of one domain and lane: {"type": {"description": text, "payload_schema": schema}}; again with the same content changes nothing. IU002 for an unclassified domain or a schema outside the subset, IU008 for a name of the other side';
CREATE OR REPLACE VIEW iu_core.v_iu_event_archivable AS
 SELECT e.id AS event_id,
    GREATEST(e.created_at, a.newest_at) AS newest_at
   FROM (event_outbox e
     CROSS JOIN LATERAL ( SELECT max(iu_route_attempt.created_at) AS newest_at
           FROM iu_route_attempt
          WHERE (iu_route_attempt.event_id = e.id)
         HAVING bool_or((iu_route_attempt.attempt_no = 1))
         OFFSET 0) a)
  WHERE ((e.id <= ( SELECT iu_event_audit.through_id
           FROM iu_event_audit)) AND (e.delivery_lane <> 'held'::text) AND (e.released_from IS NULL) AND (NOT (EXISTS ( SELECT
           FROM iu_event_audit_open o
          WHERE (o.event_id = e.id)))) AND (NOT (EXISTS ( SELECT
           FROM iu_event_audit_late l
          WHERE ((l.xid = e.xid) AND (e.id <= l.through_id))))) AND (NOT (EXISTS ( SELECT
           FROM iu_route_dead_letter d
          WHERE ((d.event_id = e.id) AND (d.status = 'open'::text))))) AND (NOT (e.id IN ( SELECT v_iu_replay_left.event_id
           FROM v_iu_replay_left))) AND (EXISTS ( SELECT
           FROM v_iu_event_claim c
          WHERE ((c.event_id = e.id) AND c.is_passed))));
ALTER VIEW v_iu_event_archivable OWNER TO iu_owner;
COMMENT ON VIEW v_iu_event_archivable IS 'Events that may be archived when they are old enough: newest_at is the time of the event or of its last attempt';
CREATE OR REPLACE FUNCTION iu_core.fn_iu_payload_problems(p_payload jsonb, p_schema jsonb, p_path text DEFAULT '$'::text)
 RETURNS text[]
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_type constant text := jsonb_typeof(p_payload);
  v_number constant numeric := CASE v_type WHEN 'number' THEN (p_payload #>> '{}')::numeric END;
  v_wanted text[];
  v_problems text[];
  v_keys jsonb;
  v_key text;
  v_value jsonb;
BEGIN
  -- What a schema does not ask for is null, and compares to null.
  v_problems := array_remove(ARRAY[
    CASE WHEN p_schema ? 'const' AND p_payload IS DISTINCT FROM p_schema -> 'const' THEN format('%s: want %s, have %s', p_path, p_schema -> 'const', left(p_payload::text, 80)) END,
    CASE WHEN NOT p_schema -> 'enum' @> jsonb_build_array(p_payload) THEN format('%s: want one of %s, have %s', p_path, p_schema -> 'enum', left(p_payload::text, 80)) END,
    CASE WHEN v_number < (p_schema ->> 'minimum')::numeric THEN format('%s: want at least %s, have %s', p_path, p_schema -> 'minimum', left(p_payload::text, 80)) END,
    CASE WHEN v_number > (p_schema ->> 'maximum')::numeric THEN format('%s: want at most %s, have %s', p_path, p_schema -> 'maximum', left(p_payload::text, 80)) END,
    CASE WHEN v_number <= (p_schema ->> 'exclusiveMinimum')::numeric THEN format('%s: want more than %s, have %s', p_path, p_schema -> 'exclusiveMinimum', left(p_payload::text, 80)) END,
    CASE WHEN v_number >= (p_schema ->> 'exclusiveMaximum')::numeric THEN format('%s: want less than %s, have %s', p_path, p_schema -> 'exclusiveMaximum', left(p_payload::text, 80)) END], NULL);
  IF p_schema ->> 'type' <> v_type THEN
    v_wanted := ARRAY[p_schema ->> 'type'];
    IF jsonb_typeof(p_schema -> 'type') = 'array' THEN
      v_wanted := ARRAY(SELECT jsonb_array_elements_text(p_schema -> 'type'));
    END IF;
    IF NOT (v_type = ANY (v_wanted) OR v_type = 'number' AND 'integer' = ANY (v_wanted) AND floor(v_number) = v_number) THEN
      v_problems := format('%s: want %s, have %s', p_path, array_to_string(v_wanted, ' or '), v_type) || v_problems;
    END IF;
  END IF;
  IF v_type = 'object' THEN
    v_keys := p_schema -> 'required';
    FOR i IN 0 .. coalesce(jsonb_array_length(v_keys), 0) - 1 LOOP
      v_key := v_keys ->> i;
      IF NOT p_payload ? v_key THEN v_problems := v_problems || format('%s.%s: missing', p_path, v_key); END IF;
    END LOOP;
    v_keys := jsonb_path_query_array(p_payload, '$.keyvalue().key');
    FOR i IN 0 .. jsonb_array_length(v_keys) - 1 LOOP
      EXIT WHEN cardinality(v_problems) >= 20;
      v_key := v_keys ->> i;
      v_value := p_schema -> 'properties' -> v_key;
      IF v_value = jsonb_build_object('type', jsonb_typeof(p_payload -> v_key)) THEN
        NULL;                         -- the most there are, and not worth a call
      ELSIF v_value IS NOT NULL THEN
        v_problems := v_problems || fn_iu_payload_problems(p_payload -> v_key, v_value, format('%s.%s', p_path, v_key));
      ELSIF p_schema -> 'additionalProperties' = 'false' THEN
        v_problems := v_problems || format('%s.%s: not in the schema', p_path, left(v_key, 80));
      END IF;
    END LOOP;
  ELSIF v_type = 'array' AND p_schema ?| '{minItems,maxItems,items}' THEN
    IF jsonb_array_length(p_payload) < (p_schema ->> 'minItems')::integer THEN v_problems := v_problems || format('%s: want at least %s', p_path, p_schema -> 'minItems'); END IF;
    IF jsonb_array_length(p_payload) > (p_schema ->> 'maxItems')::integer THEN v_problems := v_problems || format('%s: want at most %s, have %s', p_path, p_schema -> 'maxItems', jsonb_array_length(p_payload)); END IF;
    IF p_schema ? 'items' THEN
      FOR v_key, v_value IN SELECT n - 1, e FROM jsonb_array_elements(p_payload) WITH ORDINALITY AS x(e, n) LOOP
        EXIT WHEN cardinality(v_problems) >= 20;
        v_problems := v_problems || fn_iu_payload_problems(v_value, p_schema -> 'items', format('%s[%s]', p_path, v_key));
      END LOOP;
    END IF;
  ELSIF v_type = 'string' AND p_schema ?| '{minLength,maxLength,pattern}' THEN
    IF length(p_payload #>> '{}') < (p_schema ->> 'minLength')::integer THEN v_problems := v_problems || format('%s: want at least %s characters', p_path, p_schema -> 'minLength'); END IF;
    IF length(p_payload #>> '{}') > (p_schema ->> 'maxLength')::integer THEN v_problems := v_problems || format('%s: want at most %s characters, have %s', p_path, p_schema -> 'maxLength', length(p_payload #>> '{}')); END IF;
    IF cardinality(v_problems) = 0 AND p_schema ? 'pattern' AND (p_payload @@ ('$ like_regex ' || (p_schema -> 'pattern')::text)::jsonpath) IS NOT TRUE THEN
      v_problems := v_problems || format('%s: want a text like %s', p_path, p_schema -> 'pattern');
    END IF;
  END IF;
  RETURN v_problems[:20];
END
$function$;
ALTER FUNCTION fn_iu_payload_problems(jsonb,jsonb,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_payload_problems(jsonb,jsonb,text) IS 'The ways in which a payload breaks its schema, twenty at most, as "path: want …, have …"; empty when it meets it';
CREATE OR REPLACE FUNCTION iu_core.fn_iu_emit_event(p_event_type text, p_event_subject_table text, p_event_subject_ref text, p_payload jsonb, p_idempotency_key text DEFAULT NULL::text)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_type iu_event_type;
  v_id bigint;
BEGIN
  SELECT * INTO v_type FROM iu_event_type WHERE event_type = p_event_type;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'event_type: % is not registered', coalesce(p_event_type, 'null')
      USING ERRCODE = 'IU007', COLUMN = 'event_type', HINT = 'Register the type and its routes first.';
  END IF;
  IF v_type.is_system THEN
    RAISE EXCEPTION 'event_type: % is emitted by the system only', p_event_type
      USING ERRCODE = 'IU008', COLUMN = 'event_type', HINT = 'Register a type of your own.';
  END IF;
  IF coalesce(p_event_subject_table, '') = '' OR octet_length(p_event_subject_table) > 256 THEN
    RAISE EXCEPTION 'event_subject_table: say which table the subject is a row of (1 to 256 bytes)' USING ERRCODE = 'IU002', COLUMN = 'event_subject_table';
  END IF;
  IF coalesce(p_event_subject_ref, '') = '' OR octet_length(p_event_subject_ref) > 1024 THEN
    RAISE EXCEPTION 'event_subject_ref: say which row is the subject (1 to 1024 bytes)' USING ERRCODE = 'IU002', COLUMN = 'event_subject_ref';
  END IF;
  IF p_payload IS NULL THEN
    RAISE EXCEPTION 'payload: give a JSON value; an empty one is {}' USING ERRCODE = 'IU002', COLUMN = 'payload';
  END IF;
  IF v_type.delivery_lane = 'immediate' AND (coalesce(p_idempotency_key, '') = '' OR octet_length(p_idempotency_key) > 512) THEN
    RAISE EXCEPTION 'idempotency_key: % is on lane immediate and needs a key of 1 to 512 bytes', p_event_type
      USING ERRCODE = 'IU002', COLUMN = 'idempotency_key', HINT = 'Pass a key that names this one occurrence; a repeat returns the first id.';
  END IF;

  -- Two rounds: the row of a writer that was still under way at the first look-up is found at the second.
  FOR i IN 1..2 LOOP
    IF v_type.delivery_lane = 'immediate' THEN
      SELECT id INTO v_id FROM event_outbox
      WHERE event_type = p_event_type AND event_subject_ref = p_event_subject_ref AND idempotency_key = p_idempotency_key AND released_from IS NULL;
      EXIT WHEN v_id IS NOT NULL;
    END IF;
    -- As fn_iu_outbox_append writes many. One event through sets would cost an application a fifth more.
    INSERT INTO event_outbox (event_domain, event_type, event_subject_table, event_subject_ref, payload, delivery_lane, idempotency_key, actor)
    VALUES (v_type.event_domain, p_event_type, p_event_subject_table, p_event_subject_ref, p_payload,
            CASE WHEN fn_iu_gate_is_open('iu_core.routes_master_enabled') THEN v_type.delivery_lane ELSE 'held' END,
            CASE WHEN v_type.delivery_lane = 'immediate' THEN p_idempotency_key END, fn_iu_actor())
    ON CONFLICT DO NOTHING
    RETURNING id INTO v_id;
    EXIT WHEN v_id IS NOT NULL;
  END LOOP;
  IF v_id IS NULL THEN
    -- Only under REPEATABLE READ or SERIALIZABLE: the first row exists but this snapshot cannot see it.
    RAISE EXCEPTION 'could not serialize: the same key was emitted by a concurrent transaction' USING ERRCODE = '40001', HINT = 'Retry the transaction.';
  END IF;
  RETURN v_id;
END
$function$;
ALTER FUNCTION fn_iu_emit_event(text,text,text,jsonb,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_emit_event(text,text,text,jsonb,text) IS 'Emits one event inside the caller''s transaction and returns its id; a repeat on lane immediate returns the first id. A payload that breaks its schema is accepted here and dead-lettered by the worker. IU007 unknown type, IU008 system type, IU002 bad argument';
GRANT EXECUTE ON FUNCTION fn_iu_emit_event(text,text,text,jsonb,text) TO iu_emitter;
DROP FUNCTION iu_core.fn_iu_json_unbounded(jsonb,integer);
COMMENT ON COLUMN iu_core.iu_route_attempt.failure_code IS 'why it failed or was skipped: payload_schema, unknown_event_type, worker_process_error, no_route, route_disabled';
ALTER TABLE iu_core.iu_event_type DROP COLUMN payload_fault;
SELECT iu_core.fn_iu_event_types_recompile();
SELECT iu_core.fn_iu_vocabulary_forget('failure_code');
SELECT iu_core.fn_iu_vocabulary_register('failure_code', '{
  "payload_schema": "the payload breaks the schema of its event type", "unknown_event_type": "the type is not registered",
  "worker_process_error": "the delivery raised", "no_route": "no route wants the event", "route_disabled": "the route is disabled"}');
