SET LOCAL search_path = pg_catalog, iu_core, pg_temp;
CREATE OR REPLACE FUNCTION iu_core.fn_dot_command_run(p_command text, p_mode text, p_params jsonb DEFAULT '{}'::jsonb, p_reason text DEFAULT NULL::text, p_plan_digest text DEFAULT NULL::text, p_target_run_id bigint DEFAULT NULL::bigint, p_confirm text DEFAULT NULL::text, p_idempotency_key text DEFAULT NULL::text, p_token text DEFAULT NULL::text)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET "TimeZone" TO 'UTC'
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
    SET CONSTRAINTS ALL IMMEDIATE;
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
CREATE OR REPLACE FUNCTION iu_core.fn_dot_run_overtaken(p_run dot_iu_command_run)
 RETURNS bigint
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  WITH RECURSIVE mine AS MATERIALIZED (
    SELECT o ->> 'ref' AS ref, o ->> 'change' = 'create' AS is_made, fn_dot_object_fields(o) AS fields
    FROM jsonb_array_elements(p_run.receipt -> 'objects') AS o WHERE NOT starts_with(o ->> 'ref', 'collection:')
  ), chain AS (
    SELECT r.id, r.id AS link, r.mode, r.target_run_id
    FROM dot_iu_command_run AS r
    WHERE r.object_refs && ARRAY(SELECT ref FROM mine) AND r.id > p_run.id AND r.status = 'succeeded' AND r.mode IN ('apply', 'rollback')
      AND EXISTS (SELECT FROM mine AS m WHERE m.ref = ANY (r.object_refs) AND (m.is_made OR EXISTS (
            SELECT FROM jsonb_array_elements(r.receipt -> 'objects') AS o WHERE o ->> 'ref' = m.ref AND fn_dot_object_fields(o) && m.fields)))
    UNION ALL
    SELECT c.id, t.id, t.mode, t.target_run_id FROM chain AS c JOIN dot_iu_command_run AS t ON t.id = c.target_run_id WHERE c.mode = 'rollback'
  )
  SELECT max(id) FROM chain WHERE mode = 'apply' GROUP BY link HAVING count(*) % 2 = 1 ORDER BY 1 DESC LIMIT 1
$function$;
ALTER FUNCTION fn_dot_run_overtaken(dot_iu_command_run) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_run_overtaken(dot_iu_command_run) IS 'The latest run that stands in the way of undoing this one; null when none does';
CREATE OR REPLACE FUNCTION iu_core.fn_dot_drift_served(p_drift jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
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
    v_locked := pg_try_advisory_xact_lock_shared(hashtext('iu_core deploy'));
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
CREATE OR REPLACE FUNCTION iu_core.fn_dot_word(p_name text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE STRICT
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT format(CASE WHEN p_name ~ '^"' THEN '%s' ELSE '\y%s\y' END, regexp_replace(p_name, '(\W)', '\\\1', 'g'))
$function$;
ALTER FUNCTION fn_dot_word(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_word(text) IS 'The regular expression that finds a name in a definition, whole; quoted where definitions quote it';
CREATE OR REPLACE FUNCTION iu_core.fn_dot_state()
 RETURNS TABLE(class text, identity text, switched jsonb)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
BEGIN
  RETURN QUERY
  -- The few that matter first: of a new database PostgreSQL knows no numbers, and would ask for the triggers of each relation.
  WITH triggers AS MATERIALIZED (
    SELECT t.tgname, t.tgrelid, t.tgconstraint, t.tgisinternal, t.tgenabled, c.relname
    FROM (SELECT tgname, tgrelid, tgconstraint, tgisinternal, tgenabled FROM pg_trigger WHERE NOT tgisinternal OR tgenabled <> 'O' OFFSET 0) AS t
    JOIN pg_class AS c ON c.oid = t.tgrelid WHERE c.relnamespace = 'iu_core'::regnamespace
  )
  SELECT 'trigger', format('%s on %s', t.tgname, t.tgrelid::regclass), jsonb_build_object('enabled', t.tgenabled)
  FROM triggers AS t WHERE NOT t.tgisinternal
  UNION ALL
  SELECT 'table', t.relname::text, jsonb_build_object('constraints_off', jsonb_agg(DISTINCT k.conname))
  FROM triggers AS t JOIN pg_constraint AS k ON k.oid = t.tgconstraint WHERE t.tgisinternal GROUP BY t.relname;
  IF has_table_privilege(to_regclass('iu_core.dot_config'), 'SELECT') THEN
    RETURN QUERY SELECT 'config', key, jsonb_build_object('value', value, 'expires_at', expires_at) FROM dot_config;
  END IF;
  IF has_table_privilege(to_regclass('iu_core.iu_outbound_route'), 'SELECT') THEN
    RETURN QUERY SELECT 'route', route_code, jsonb_build_object('enabled', enabled, 'dry_run', dry_run) FROM iu_outbound_route;
  END IF;
END
$function$;
ALTER FUNCTION fn_dot_state() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_state() IS 'The switches of the live schema that are no part of a definition: triggers on or off, gates, routes enabled and dry run';
CREATE OR REPLACE FUNCTION iu_core.fn_iu_axes_derive(p_unit_ids bigint[])
 RETURNS TABLE(unit_id bigint, axis text, value text)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT u.id, x.axis, x.value
  FROM information_unit AS u
  JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq
  LEFT JOIN iu_tree_path AS t ON t.unit_id = u.id
  LEFT JOIN information_unit AS h ON h.id = t.parent_unit_id
  CROSS JOIN LATERAL (VALUES
    ('kind', u.unit_kind),
    ('lifecycle', u.lifecycle_status),
    ('section', nullif(left(h.title, 200), '')),
    ('level', nullif(t.section_level, 0)::text),
    ('source', left(u.source_path, 500)),
    ('length', CASE WHEN v.byte_length < 200 THEN 'short' WHEN v.byte_length < 2000 THEN 'medium' ELSE 'long' END),
    ('links', CASE WHEN v.body ~ '\]\(|https?://' THEN 'yes' ELSE 'no' END),
    ('language', CASE WHEN u.unit_kind = 'code' THEN nullif(lower(substring(v.body FROM '^\s{0,3}(?:`{3,}|~{3,})[ \t]*([A-Za-z0-9_+#.-]{1,40})')), '') END)
  ) AS x(axis, value)
  WHERE u.id = ANY (p_unit_ids) AND x.value IS NOT NULL
$function$;
ALTER FUNCTION fn_iu_axes_derive(bigint[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_axes_derive(bigint[]) IS 'What the axes of these units are, from their present text, kind and place';
CREATE OR REPLACE FUNCTION iu_core.fn_iu_archive_content(p_older_than timestamp with time zone, p_after_id bigint, p_last_id bigint, p_limit integer, p_most_bytes bigint DEFAULT 33554432)
 RETURNS TABLE(first_id bigint, last_id bigint, events bigint, attempts bigint, oldest_at timestamp with time zone, newest_at timestamp with time zone, content text, event_ids bigint[])
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
  WITH lines AS MATERIALIZED (
    SELECT e.id, e.created_at, v.newest_at, l.n, l.line, sum(octet_length(l.line)) OVER (ORDER BY e.id) AS bytes, row_number() OVER (ORDER BY e.id) AS no
    FROM (SELECT event_id, newest_at FROM v_iu_event_archivable
          WHERE event_id > p_after_id AND event_id <= coalesce(p_last_id, 9223372036854775807) AND newest_at < p_older_than
          ORDER BY event_id LIMIT p_limit) AS v
    JOIN event_outbox AS e ON e.id = v.event_id
    CROSS JOIN LATERAL (
      SELECT count(*) AS n, jsonb_build_object('event', to_jsonb(e) - 'bucket', 'attempts', jsonb_agg(to_jsonb(a) ORDER BY a.route_id, a.attempt_no))::text || E'\n' AS line
      FROM iu_route_attempt AS a WHERE a.event_id = e.id OFFSET 0) AS l
  )
  SELECT min(id), max(id), count(*), sum(n)::bigint, min(created_at), max(newest_at), string_agg(line, '' ORDER BY id), array_agg(id ORDER BY id)
  FROM lines WHERE bytes <= p_most_bytes OR no = 1 HAVING count(*) > 0
$function$;
ALTER FUNCTION fn_iu_archive_content(timestamp with time zone,bigint,bigint,integer,bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_archive_content(timestamp with time zone,bigint,bigint,integer,bigint) IS 'The next events behind an id that may be archived, p_limit and about p_most_bytes at most, as the lines of a file; no row when there are none';
GRANT EXECUTE ON FUNCTION fn_iu_archive_content(timestamp with time zone,bigint,bigint,integer,bigint) TO iu_approver;
CREATE OR REPLACE FUNCTION iu_core.dot_iu_import_text(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
#variable_conflict use_variable
DECLARE
  v_before iu_collection;
  v_after iu_collection;
  v_old jsonb := '{}';
  v_objects jsonb;
  v_imported record;
  v_checkpoint integer := 0;
  v_outcome text;
  v_locked bigint[];
  v_retired text;
BEGIN
  IF (p_params ? 'text') <> (p_params ? 'source_path') OR (p_params ? 'checkpoint') <> (p_params ? 'collection') OR (p_params ? 'text') = (p_params ? 'checkpoint') OR (p_params ? 'text') <> (p_params ? 'cut') THEN
    RAISE EXCEPTION 'text: give a source_path and its text, or a collection and the checkpoint to return to' USING ERRCODE = 'IU002', COLUMN = 'text';
  END IF;
  IF EXISTS (SELECT FROM jsonb_array_elements_text(coalesce(p_params -> 'cut' -> 'titles', '[]')) AS t WHERE length(t) > 500 OR t ~ '[\x01-\x1f\x7f]') THEN
    RAISE EXCEPTION 'cut: a title is one line of at most 500 characters' USING ERRCODE = 'IU002', COLUMN = 'cut';
  END IF;
  IF p_params ? 'text' THEN
    -- Imports of one source take turns, before they lock anything.
    PERFORM pg_advisory_xact_lock(hashtextextended('iu_core.import ' || (p_params ->> 'source_path'), 0));
    SELECT * INTO v_before FROM iu_collection WHERE source_path = p_params ->> 'source_path';
  ELSE
    -- Units before collections; the return locks them in order.
    SELECT * INTO v_before FROM iu_collection WHERE canonical_address = p_params ->> 'collection' AND status = 'active';
    IF NOT FOUND THEN
      RAISE EXCEPTION 'collection: no collection has the address %', p_params ->> 'collection' USING ERRCODE = 'IU003', COLUMN = 'collection';
    END IF;
  END IF;
  IF v_before.id IS NOT NULL THEN
    -- Every unit that it may touch, before the collection. Where a piece joined until the collection was locked, going
    -- back frees the locks for another round.
    LOOP
      BEGIN
        v_locked := ARRAY(SELECT unit_id FROM iu_collection_piece WHERE collection_id = v_before.id
                          UNION SELECT unit_id FROM iu_collection_checkpoint_piece WHERE collection_id = v_before.id AND checkpoint_no = (p_params ->> 'checkpoint')::integer);
        PERFORM FROM information_unit WHERE id = ANY (v_locked) ORDER BY id FOR UPDATE;
        SELECT * INTO v_before FROM iu_collection WHERE id = v_before.id FOR UPDATE;
        EXIT WHEN NOT EXISTS (SELECT unit_id FROM iu_collection_piece WHERE collection_id = v_before.id EXCEPT SELECT unnest(v_locked));
        RAISE EXCEPTION 'once more' USING ERRCODE = 'XMORE';
      EXCEPTION WHEN SQLSTATE 'XMORE' THEN NULL;
      END;
    END LOOP;
    IF (p_params ->> 'expect_revision')::bigint <> v_before.revision THEN
      RAISE EXCEPTION 'expect_revision: the collection is at revision % by now', v_before.revision USING ERRCODE = 'IU014', COLUMN = 'expect_revision', HINT = 'Look at what has changed since.';
    END IF;
    IF p_params ? 'checkpoint' OR v_before.render_revision IS DISTINCT FROM v_before.revision OR v_before.render_digest IS DISTINCT FROM sha256(convert_to(p_params ->> 'text', 'UTF8')) THEN
      v_checkpoint := (fn_iu_collection_checkpoint(v_before.id, 'before ' || CASE WHEN p_params ? 'text' THEN 'an import' ELSE 'the return to ' || (p_params ->> 'checkpoint') END)).checkpoint_no;
      SELECT coalesce(jsonb_object_agg(p.unit_id, jsonb_build_object('at', p.position::text, 'version', coalesce(p.pinned_version_seq, u.current_version_seq))), '{}') INTO v_old
      FROM iu_collection_piece AS p JOIN information_unit AS u ON u.id = p.unit_id WHERE p.collection_id = v_before.id;
    END IF;
  END IF;

  IF p_params ? 'text' THEN
    BEGIN
      SELECT i.* INTO v_imported
      FROM (SELECT p_params -> 'cut' AS cut) AS given
      CROSS JOIN LATERAL fn_iu_import_file(p_params ->> 'source_path', convert_to(p_params ->> 'text', 'UTF8'),
        ARRAY(SELECT jsonb_array_elements_text(cut -> 'kinds')), ARRAY(SELECT jsonb_array_elements_text(cut -> 'starts')::integer), ARRAY(SELECT jsonb_array_elements_text(cut -> 'lengths')::integer),
        ARRAY(SELECT jsonb_array_elements_text(cut -> 'titles')), ARRAY(SELECT jsonb_array_elements_text(cut -> 'levels')::smallint)) AS i;
    EXCEPTION WHEN invalid_text_representation OR numeric_value_out_of_range THEN
      RAISE EXCEPTION 'cut: starts, lengths and levels are whole numbers' USING ERRCODE = 'IU002', COLUMN = 'cut';
    END;
    v_outcome := v_imported.outcome;
    SELECT * INTO STRICT v_after FROM iu_collection WHERE canonical_address = v_imported.canonical_address;
  ELSE
    SELECT r.pieces_added AS pieces_created, r.versions_created, r.pieces_removed, r.pieces_moved INTO v_imported FROM fn_iu_collection_return(v_before.id, (p_params ->> 'checkpoint')::integer) AS r;
    SELECT * INTO STRICT v_after FROM iu_collection WHERE id = v_before.id;
    v_outcome := 'returned';
  END IF;

  SELECT coalesce(jsonb_agg(o ORDER BY n), '[]') INTO v_objects FROM (
    SELECT row_number() OVER (ORDER BY u.id) AS n, jsonb_strip_nulls(jsonb_build_object(
      'ref', 'unit:' || u.canonical_address,
      'change', CASE WHEN o.value IS NULL THEN 'create' WHEN p.unit_id IS NULL THEN 'delete' ELSE 'update' END,
      'before', o.value,
      'after', CASE WHEN p.unit_id IS NOT NULL THEN jsonb_build_object('at', p.position::text, 'version', coalesce(p.pinned_version_seq, u.current_version_seq)) END)) AS o
    FROM (SELECT key::bigint AS unit_id, value FROM jsonb_each(v_old)) AS o
    FULL JOIN (SELECT * FROM iu_collection_piece WHERE collection_id = v_after.id) AS p ON p.unit_id = o.unit_id
    JOIN information_unit AS u ON u.id = coalesce(p.unit_id, o.unit_id)
    WHERE v_outcome <> 'unchanged' AND (o.value IS NULL OR p.unit_id IS NULL
       OR o.value IS DISTINCT FROM jsonb_build_object('at', p.position::text, 'version', coalesce(p.pinned_version_seq, u.current_version_seq)))
  ) AS changed;
  -- What is retired can be added nowhere, so an undo could not bring it back.
  SELECT u.canonical_address INTO v_retired FROM jsonb_object_keys(v_old) AS o(unit_id) JOIN information_unit AS u ON u.id = o.unit_id::bigint
  WHERE u.lifecycle_status = 'retired' AND NOT EXISTS (SELECT FROM iu_collection_piece AS p WHERE p.collection_id = v_after.id AND p.unit_id = u.id) ORDER BY u.id LIMIT 1;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_before.revision),
    'objects', CASE v_outcome WHEN 'unchanged' THEN '[]'
      WHEN 'created' THEN jsonb_build_array(jsonb_build_object('ref', 'collection:' || v_after.canonical_address, 'change', 'create', 'after', jsonb_build_object('revision', v_after.revision, 'pieces', v_after.piece_count, 'bytes', v_after.byte_length)))
      ELSE jsonb_build_array(fn_dot_collection_object(v_before)) END || v_objects,
    'refs', jsonb_build_array('collection:' || v_after.canonical_address),
    'result', jsonb_strip_nulls(jsonb_build_object('outcome', v_outcome, 'collection', v_after.canonical_address, 'pieces', v_after.piece_count, 'bytes', v_after.byte_length,
      'sha256', encode(v_after.render_digest, 'hex'), 'pieces_created', v_imported.pieces_created, 'versions_created', v_imported.versions_created,
      'pieces_removed', v_imported.pieces_removed, 'pieces_moved', v_imported.pieces_moved, 'checkpoint', nullif(v_checkpoint, 0))),
    'checks', jsonb_build_array(jsonb_build_object('name', 'renders_to_the_text', 'kind', 'rendered', 'collection', v_after.canonical_address, 'sha256', encode(v_after.render_digest, 'hex'), 'revision', v_after.revision)),
    'inverse', CASE WHEN v_outcome <> 'unchanged' AND v_retired IS NULL THEN jsonb_build_object('command', 'dot_iu_import_text', 'params', jsonb_build_object('collection', v_after.canonical_address, 'checkpoint', v_checkpoint, 'expect_revision', v_after.revision)) END,
    'irreversible', CASE WHEN v_outcome = 'unchanged' THEN 'Nothing was changed.' ELSE format('%s is retired and has left the collection. Restore it, then return to checkpoint %s.', v_retired, v_checkpoint) END);
END
$function$;
ALTER FUNCTION dot_iu_import_text(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_import_text(jsonb,jsonb) IS 'Brings a source to a new text, cut into pieces, or a collection back to a checkpoint (0 = empty); what was before is kept as a checkpoint';
CREATE OR REPLACE FUNCTION iu_core.dot_iu_correct_dead_letter(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_letter constant iu_route_dead_letter := fn_dot_letter((p_params ->> 'dead_letter')::bigint);
  v_payload constant jsonb := p_params -> 'payload';
  v_letters iu_route_dead_letter[];
  v_type iu_event_type;
  v_problems text[];
  v_key text;
  v_event bigint;
  v_again text;
BEGIN
  SELECT * INTO v_type FROM iu_event_type WHERE event_type = v_letter.event_type;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'event_type: % is not registered', v_letter.event_type USING ERRCODE = 'IU007', COLUMN = 'event_type', HINT = 'Register the type, then replay the letter or correct it.';
  ELSIF v_type.is_system THEN
    RAISE EXCEPTION 'event_type: % is emitted by the system only', v_letter.event_type
      USING ERRCODE = 'IU008', COLUMN = 'event_type', HINT = 'It says what happened here, which nobody can say otherwise. Mend the cause and replay the letter.';
  ELSIF v_payload = v_letter.payload THEN
    RAISE EXCEPTION 'payload: it is what it was' USING ERRCODE = 'IU016', COLUMN = 'payload', HINT = 'Replay the letter, if its cause is mended.';
  END IF;
  v_problems := ARRAY(SELECT regexp_replace(p, '^\$', 'payload') FROM unnest(fn_iu_payload_problems(v_payload, v_type.payload_schema)) AS p);
  IF NOT fn_iu_payload_meets(v_payload, v_type.payload_predicate, v_type.payload_keys) THEN
    RAISE EXCEPTION 'payload: %', coalesce(nullif(array_to_string(v_problems, '; '), ''), 'it breaks the schema of its type')
      USING ERRCODE = 'IU002', COLUMN = 'payload', HINT = 'This is what the worker would say of it, too.';
  END IF;
  PERFORM FROM iu_route_dead_letter WHERE event_id = v_letter.event_id AND status = 'open' ORDER BY id FOR UPDATE;
  v_letters := ARRAY(SELECT d FROM iu_route_dead_letter AS d WHERE d.event_id = v_letter.event_id AND d.status = 'open' ORDER BY d.id);
  -- A type of lane immediate has a key for each occurrence. Under one that is taken nothing would be emitted: an event that was
  -- corrected may fail again, on a route that was disabled then.
  IF v_type.delivery_lane = 'immediate' THEN
    v_key := 'corrects event ' || v_letter.event_id;
    IF EXISTS (SELECT FROM event_outbox WHERE (event_type, event_subject_ref, idempotency_key) = (v_letter.event_type, v_letter.event_subject_ref, v_key)) THEN
      v_key := format('%s, dead letter %s', v_key, v_letter.id);
    END IF;
  END IF;
  v_event := fn_iu_emit_event(v_letter.event_type, v_letter.event_subject_table, v_letter.event_subject_ref, v_payload, v_key);
  UPDATE iu_route_dead_letter SET status = 'corrected', resolved_at = clock_timestamp(), resolved_by = fn_iu_actor(), corrected_by_event_id = v_event
  WHERE event_id = v_letter.event_id AND status = 'open';
  SELECT string_agg(DISTINCT r.route_code, ', ') INTO v_again
  FROM iu_outbound_route AS r JOIN iu_route_attempt AS a ON a.event_id = v_letter.event_id AND a.route_id = r.id AND a.status IN ('dry_run', 'sent');
  RETURN jsonb_build_object(
    'state', jsonb_build_object('status', v_letter.status, 'attempt', v_letter.attempt_no),
    'objects', (SELECT jsonb_agg(fn_dot_letter_object(l) ORDER BY (l).id) FROM unnest(v_letters) AS l),
    'refs', jsonb_build_array('event:' || v_letter.event_id, 'event:' || v_event),
    'result', jsonb_build_object('event', v_event, 'corrects_event', v_letter.event_id),
    'notes', to_jsonb(ARRAY(SELECT n FROM unnest(ARRAY[
      CASE WHEN cardinality(v_letters) > 1 THEN format('The event has %s open dead letters, one a route; the new event answers all of them.', cardinality(v_letters)) END,
      CASE WHEN v_again IS NOT NULL THEN format('Routes that had decided the first event get the new one as WELL: %s.', v_again) END,
      CASE WHEN (SELECT delivery_lane FROM event_outbox WHERE id = v_event) = 'held' THEN 'The master gate is closed: the new event is HELD until it is released.' END]) AS n WHERE n IS NOT NULL)),
    'checks', jsonb_build_array(
      jsonb_build_object('name', 'letters_are_corrected', 'kind', 'dead_letters', 'ids', to_jsonb(ARRAY(SELECT (l).id FROM unnest(v_letters) AS l)), 'status', 'corrected'),
      jsonb_build_object('name', 'event_is_written', 'kind', 'event', 'event', v_event, 'type', v_letter.event_type, 'sha256', encode(sha256(convert_to(v_payload::text, 'UTF8')), 'hex'))),
    'irreversible', 'The new event is in the outbox.');
END
$function$;
ALTER FUNCTION dot_iu_correct_dead_letter(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_correct_dead_letter(jsonb,jsonb) IS 'Emits a new event with another payload in the place of one that failed; the old one stays. IU002 a payload that breaks its schema, IU008 an event of the system';
CREATE OR REPLACE FUNCTION iu_core.fn_iu_failure_kind(p_failure_detail text)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_parts text[];
BEGIN
  IF p_failure_detail !~ '["'']|; \$|[0-9a-fA-F]{12}' AND length(p_failure_detail) <= 4000 THEN
    RETURN regexp_replace(
      CASE WHEN strpos(p_failure_detail, ', have ') = 0 OR split_part(p_failure_detail, ', have ', -1) IN ('string', 'number', 'boolean', 'object', 'array', 'null') THEN p_failure_detail
           ELSE split_part(p_failure_detail, ', have ', 1) || ', have …' END,
      '\d+([.,:]\d+)*', '#', 'g');
  END IF;
  v_parts := regexp_split_to_array(regexp_replace(left(coalesce(p_failure_detail, ''), 4000), '"(\\.|[^"\\])*("|$)', '…', 'g'), '; (?=\$)');
  FOR i IN 1 .. cardinality(v_parts) LOOP
    v_parts[i] := regexp_replace(regexp_replace(regexp_replace(
      CASE WHEN v_parts[i] ~ ', have (string|number|boolean|object|array|null)$' THEN v_parts[i] ELSE regexp_replace(v_parts[i], ', have .*$', ', have …') END,
      '''[^'']*(''|$)', '…', 'g'),
      '\m[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}\M', '…', 'g'),
      '\d+([.,:]\d+)*', '#', 'g');
  END LOOP;
  IF cardinality(v_parts) = 1 THEN
    RETURN v_parts[1];
  END IF;
  RETURN (SELECT string_agg(DISTINCT part, '; ' ORDER BY part) FROM (SELECT unnest(v_parts) COLLATE "C" AS part) AS parts);
END
$function$;
ALTER FUNCTION fn_iu_failure_kind(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_failure_kind(text) IS 'A failure''s words without what this one event has of its own: values, quoted texts, identifiers, numbers';
GRANT EXECUTE ON FUNCTION fn_iu_failure_kind(text) TO iu_reader;
