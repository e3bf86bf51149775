-- unit: schema

-- requires: iu_core
-- One row at most. It may be lost at any time: whoever needs it makes it anew.
CREATE TABLE iu_core.dot_drift_known (
  stamp text COLLATE "C" CONSTRAINT dot_drift_known_pkey PRIMARY KEY,
  refused jsonb NOT NULL,
  found_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE iu_core.dot_drift_known IS 'What a comparison came to, for as long as neither the catalogue nor the inventory has changed, so that a command need not compare';
COMMENT ON COLUMN iu_core.dot_drift_known.stamp IS 'of fn_dot_stamp(), before the comparison';
COMMENT ON COLUMN iu_core.dot_drift_known.refused IS 'each command that a drifted object serves, with that object';

-- By hand: BETWEEN beside AND is spelled otherwise once it was dumped and restored.
ALTER TABLE iu_core.iu_replay_job DROP CONSTRAINT iu_replay_job_progress_chk, ADD CONSTRAINT iu_replay_job_progress_chk CHECK (done >= 0 AND done <= total AND done = replayed + failed_again + left_alone);

-- By hand: BETWEEN beside AND is spelled otherwise once it was dumped and restored.
ALTER TABLE iu_core.iu_route_worker_cursor DROP CONSTRAINT iu_route_worker_cursor_buckets_chk, ADD CONSTRAINT iu_route_worker_cursor_buckets_chk CHECK (bucket_from >= 0 AND bucket_from <= bucket_to AND bucket_to <= 15);

-- requires: dot_inventory, dot_iu_command, iu_core
-- Who uses what is told by the names that stand in the inventory's definitions, not in the live ones: what has
-- drifted cannot hide what it serves. What compares and registers names everything, and passes nothing on.
CREATE FUNCTION iu_core.fn_dot_drift_served(p_drift jsonb)
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
$$;
COMMENT ON FUNCTION iu_core.fn_dot_drift_served(jsonb) IS 'The commands that drifted objects ([class, identity] each) serve, by handler, dispatcher, triggers and gates, however indirectly: {"command": "class identity"}';
REVOKE ALL ON FUNCTION iu_core.fn_dot_drift_served(jsonb) FROM PUBLIC;

-- requires: dot_config, dot_inventory, dot_iu_command, iu_core, iu_event_type, iu_outbound_route
-- Which rows of the catalogue, the registries and the inventory there are, by the transactions that wrote them:
-- a stamp that was seen before means that nothing has been changed, by whatever statement. Some maintenance
-- (REINDEX, VACUUM FULL) changes it and means nothing.
CREATE FUNCTION iu_core.fn_dot_stamp()
RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  RETURN (
  -- What PostgreSQL itself brings has lower numbers, and is not walked through.
  WITH relations AS MATERIALIZED (
    SELECT oid, relkind, xmin FROM pg_class WHERE relnamespace = 'iu_core'::regnamespace
  ), written AS (
    SELECT 1 AS part, xmin FROM relations
    UNION ALL SELECT 2, xmin FROM pg_proc WHERE oid >= 16384 AND pronamespace = 'iu_core'::regnamespace
    UNION ALL SELECT 3, a.xmin FROM pg_attribute AS a WHERE a.attrelid >= 16384 AND a.attrelid IN (SELECT oid FROM relations WHERE relkind IN ('r', 'v')) AND a.attnum > 0
    UNION ALL SELECT 4, x.xmin FROM pg_attrdef AS x WHERE x.adrelid IN (SELECT oid FROM relations)
    UNION ALL SELECT 5, k.xmin FROM pg_constraint AS k WHERE k.connamespace = 'iu_core'::regnamespace
    UNION ALL SELECT 6, i.xmin FROM pg_index AS i WHERE i.indrelid IN (SELECT oid FROM relations)
    UNION ALL SELECT 7, t.xmin FROM pg_trigger AS t WHERE t.tgrelid IN (SELECT oid FROM relations)
    UNION ALL SELECT 8, r.xmin FROM pg_rewrite AS r WHERE r.ev_class IN (SELECT oid FROM relations)
    UNION ALL SELECT 9, p.xmin FROM pg_policy AS p WHERE p.polrelid IN (SELECT oid FROM relations)
    UNION ALL SELECT 10, q.xmin FROM pg_sequence AS q WHERE q.seqrelid IN (SELECT oid FROM relations)
    UNION ALL SELECT 11, n.xmin FROM pg_namespace AS n WHERE n.nspname = 'iu_core'
    UNION ALL SELECT 12, xmin FROM dot_inventory
    UNION ALL SELECT 13, xmin FROM dot_config
    UNION ALL SELECT 14, xmin FROM iu_event_type
    UNION ALL SELECT 15, xmin FROM iu_outbound_route
    UNION ALL SELECT 16, xmin FROM dot_iu_command
  )
  SELECT string_agg(concat_ws(' ', part, n, total, newest), ';' ORDER BY part)
  FROM (SELECT part, count(*) AS n, sum(x) AS total, max(x) AS newest FROM (SELECT part, xmin::text::bigint AS x FROM written OFFSET 0) AS w GROUP BY part) AS s);
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_stamp() IS 'A stamp of the catalogue, the registries and the inventory, which any change to them changes; a few milliseconds';
REVOKE ALL ON FUNCTION iu_core.fn_dot_stamp() FROM PUBLIC;

-- requires: dot_drift_known, fn_dot_drift, fn_dot_drift_served, fn_dot_stamp, iu_core
-- What is not known refuses nothing, and v_dot_drift says why it is not known. Nobody waits for who keeps the answer.
CREATE FUNCTION iu_core.fn_dot_drift_refused(p_keep boolean)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_stamp text;
  v_refused jsonb;
  v_drift jsonb;
BEGIN
  v_stamp := fn_dot_stamp();
  v_refused := (SELECT refused FROM dot_drift_known WHERE stamp = v_stamp);
  IF v_refused IS NOT NULL THEN
    RETURN v_refused;
  END IF;
  v_drift := (SELECT coalesce(jsonb_agg(jsonb_build_array(d.class, d.identity, d.state)), '[]') FROM fn_dot_drift() AS d);
  IF v_drift @? 'strict $[*] ? (@[0] == null)' THEN
    RETURN '{}';
  END IF;
  v_drift := jsonb_path_query_array(v_drift, 'strict $[*] ? (@[2] != "unknown")');
  v_refused := CASE WHEN v_drift = '[]' THEN '{}' ELSE fn_dot_drift_served(v_drift) END;
  IF p_keep AND pg_try_advisory_xact_lock(hashtext('iu_core drift known')) THEN
    DELETE FROM dot_drift_known;
    INSERT INTO dot_drift_known (stamp, refused) VALUES (v_stamp, v_refused);
  END IF;
  RETURN v_refused;
EXCEPTION WHEN undefined_table OR undefined_column OR undefined_function OR insufficient_privilege THEN
  -- What the comparison itself stands on is gone.
  RETURN '{}';
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_drift_refused(boolean) IS 'The commands that are refused while drift stands, each with the object: {"command": "class identity"}; compares only where something has changed since it last did, and keeps the answer where p_keep says so';
REVOKE ALL ON FUNCTION iu_core.fn_dot_drift_refused(boolean) FROM PUBLIC;

-- requires: iu_core
CREATE FUNCTION iu_core.fn_dot_works_in_drift(p_command text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT p_command ~ '^dot_iu_(close|disable|revoke|stop)_' OR p_command = 'dot_iu_run_probe' $$;
COMMENT ON FUNCTION iu_core.fn_dot_works_in_drift(text) IS 'Whether a command shuts something, or only tries and takes it back: such a one is never refused for drift';
REVOKE ALL ON FUNCTION iu_core.fn_dot_works_in_drift(text) FROM PUBLIC;

-- requires: dot_iu_command, fn_dot_drift_refused, fn_dot_works_in_drift, fn_iu_right_rank, gates, iu_core, v_iu_gate
CREATE OR REPLACE FUNCTION iu_core.fn_dot_command_blocked(p_right text)
RETURNS TABLE (command_code text, code text, gate text, why text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH compared AS MATERIALIZED (SELECT fn_dot_drift_refused(false) AS refused)
  SELECT c.command_code,
         CASE WHEN fn_iu_right_rank(p_right) < fn_iu_right_rank(c.required_right) THEN 'forbidden' WHEN g.gate IS NOT NULL THEN 'gate_closed' WHEN d.object IS NOT NULL THEN 'drifted' END,
         CASE WHEN fn_iu_right_rank(p_right) >= fn_iu_right_rank(c.required_right) THEN g.gate END,
         CASE WHEN fn_iu_right_rank(p_right) < fn_iu_right_rank(c.required_right) THEN format('This needs the right %s; you have %s.', c.required_right, coalesce(p_right, 'none'))
              WHEN g.gate IS NOT NULL THEN format('Gate %s is %s%s.', g.gate, g.state, coalesce(': ' || nullif(g.reason, ''), ''))
              WHEN d.object IS NOT NULL THEN format('It needs %s, which is not as it was deployed.', d.object) END
  FROM dot_iu_command AS c
  CROSS JOIN compared AS f
  CROSS JOIN LATERAL (SELECT CASE WHEN NOT fn_dot_works_in_drift(c.command_code) THEN f.refused ->> c.command_code END AS object) AS d
  LEFT JOIN LATERAL (
    SELECT v.gate, v.state, v.reason FROM unnest(c.gates) WITH ORDINALITY AS n(gate, n)
    LEFT JOIN v_iu_gate AS v ON v.gate = n.gate WHERE v.is_open IS NOT TRUE ORDER BY n.n LIMIT 1
  ) AS g ON true
$$;
COMMENT ON FUNCTION iu_core.fn_dot_command_blocked(text) IS 'Per command: why somebody with this right may not apply it now (forbidden, gate_closed, drifted), or nulls when nothing is in the way';
REVOKE ALL ON FUNCTION iu_core.fn_dot_command_blocked(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_dot_command_blocked(text) TO iu_reader;

-- requires: dot_iu_acting, dot_iu_command, dot_iu_command_run, fn_dot_drift_refused, fn_dot_run_overtaken, fn_dot_works_in_drift, iu_core
-- The dispatcher: the one way in which anything is changed. The handler runs in a subtransaction, so that
-- a plan is the real thing, taken back, and a refusal leaves its row in the ledger and nothing else.
CREATE OR REPLACE FUNCTION iu_core.fn_dot_command_run(
  p_command text, p_mode text, p_params jsonb DEFAULT '{}', p_reason text DEFAULT NULL, p_plan_digest text DEFAULT NULL,
  p_target_run_id bigint DEFAULT NULL, p_confirm text DEFAULT NULL, p_idempotency_key text DEFAULT NULL, p_token text DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET TimeZone = 'UTC'
AS $$
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
$$;
COMMENT ON FUNCTION iu_core.fn_dot_command_run(text, text, jsonb, text, text, bigint, text, text, text) IS 'Runs a command for who holds the token (without one: for the login): plan, apply, verify or rollback; returns the receipt, which is also the ledger''s row. A refusal is returned, not raised. Raises 40001, 40P01 and 55P03 (try again with the same key), IU012 nobody, IU013 no right, IU003 unknown command or run, IU002 bad mode or key, IU011 isolation; these leave no row';
REVOKE ALL ON FUNCTION iu_core.fn_dot_command_run(text, text, jsonb, text, text, bigint, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_dot_command_run(text, text, jsonb, text, text, bigint, text, text, text) TO iu_console, iu_operator, iu_approver;

-- requires: dot_inventory, iu_core
-- What the units build when they are run beside this database is what they made here; registry rows and objects
-- that commands registered are nobody else's to tell, and stay.
CREATE OR REPLACE FUNCTION iu_core.fn_dot_inventory_renew(p_built jsonb)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_major constant integer := current_setting('server_version_num')::integer / 10000;
  v_count bigint;
BEGIN
  WITH built AS MATERIALIZED (
    SELECT b ->> 'class' AS class, b ->> 'identity' AS identity, b ->> 'definition' AS definition, b ->> 'facts' AS facts, sha256(convert_to(b ->> 'definition', 'UTF8')) AS digest, nullif(b -> 'switched', 'null') AS switched, b ->> 'registered_by_unit' AS unit
    FROM jsonb_array_elements(p_built) AS b
  ), gone AS (
    DELETE FROM dot_inventory AS i WHERE i.registered_by_unit IS NOT NULL AND NOT EXISTS (SELECT FROM built AS b WHERE (b.class, b.identity) = (i.class, i.identity)) RETURNING 1
  ), kept AS (
    UPDATE dot_inventory AS i SET server_major = v_major WHERE i.registered_by_unit IS NULL AND NOT EXISTS (SELECT FROM built AS b WHERE (b.class, b.identity) = (i.class, i.identity)) RETURNING 1
  ), made AS (
    INSERT INTO dot_inventory AS i (class, identity, definition, facts, digest, switched, server_major, registered_by_unit)
    SELECT class, identity, definition, facts, digest, switched, v_major, unit FROM built
    ON CONFLICT (class, identity) DO UPDATE
    SET definition = excluded.definition, facts = excluded.facts, digest = excluded.digest, server_major = v_major, registered_at = clock_timestamp(), registered_by = session_user
    WHERE i.registered_by_unit IS NOT NULL AND (i.definition IS DISTINCT FROM excluded.definition OR i.digest IS DISTINCT FROM excluded.digest OR i.server_major <> v_major)
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM kept) + (SELECT count(*) FROM made) INTO v_count;
  RETURN v_count;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_inventory_renew(jsonb) IS 'Registers anew what the units, built beside this database on this server, make: after a major upgrade, or where it is not known what an object should be; returns how many objects changed';
REVOKE ALL ON FUNCTION iu_core.fn_dot_inventory_renew(jsonb) FROM PUBLIC;

-- requires: iu_core
CREATE OR REPLACE FUNCTION iu_core.fn_dot_refusal_code(p_sqlstate text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT CASE p_sqlstate
    WHEN 'IU001' THEN 'gate_closed' WHEN 'IU002' THEN 'invalid_parameter' WHEN 'IU003' THEN 'not_found' WHEN 'IU004' THEN 'taken'
    WHEN 'IU005' THEN 'append_only' WHEN 'IU006' THEN 'round_trip_failed' WHEN 'IU007' THEN 'unknown_event_type' WHEN 'IU008' THEN 'reserved_event_type'
    WHEN 'IU009' THEN 'lifecycle_refused' WHEN 'IU010' THEN 'would_destroy_history' WHEN 'IU011' THEN 'wrong_isolation' WHEN 'IU012' THEN 'unauthenticated'
    WHEN 'IU013' THEN 'forbidden' WHEN 'IU014' THEN 'stale_plan' WHEN 'IU015' THEN 'key_conflict' WHEN 'IU016' THEN 'nothing_to_do'
    WHEN 'IU017' THEN 'not_reversible' WHEN 'IU018' THEN 'second_person_required' WHEN 'IU019' THEN 'too_many_attempts' WHEN 'IU020' THEN 'drifted' END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_refusal_code(text) IS 'The stable code of an SQLSTATE of ours, null for any other; docs/errors.md is the catalogue';
REVOKE ALL ON FUNCTION iu_core.fn_dot_refusal_code(text) FROM PUBLIC;
