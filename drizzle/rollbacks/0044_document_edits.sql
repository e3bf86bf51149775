SET LOCAL search_path = pg_catalog, iu_core, pg_temp;
SELECT iu_core.fn_iu_refuse_if_history('iu_import_base');
DROP TRIGGER trg_iu_import_base_append_only ON iu_core.iu_import_base;
CREATE OR REPLACE VIEW iu_core.v_iu_collection_manifest AS
 SELECT id AS collection_id,
    canonical_address,
    collection_kind,
    title,
    status,
    source_path,
    revision,
    piece_count,
    byte_length,
    encode(manifest_digest, 'hex'::text) AS manifest_digest,
    manifest_revision,
    (NOT (manifest_revision IS DISTINCT FROM revision)) AS manifest_current,
    encode(render_digest, 'hex'::text) AS render_digest,
    render_revision,
    encode(source_digest, 'hex'::text) AS source_digest,
    source_byte_length,
        CASE
            WHEN (source_digest IS NULL) THEN 'no_source'::text
            WHEN (render_revision IS DISTINCT FROM revision) THEN 'stale'::text
            WHEN (render_digest = source_digest) THEN 'identical'::text
            ELSE 'differs'::text
        END AS round_trip,
    created_at,
    created_by,
    updated_at
   FROM iu_collection
  WHERE (status = 'active'::text);
ALTER VIEW v_iu_collection_manifest OWNER TO iu_owner;
COMMENT ON VIEW v_iu_collection_manifest IS 'One row a collection: counts, digests, and whether its rendering is the file it was cut from';
GRANT SELECT ON v_iu_collection_manifest TO iu_reader;
CREATE OR REPLACE VIEW iu_core.v_iu_collection_health AS
 SELECT c.id AS collection_id,
    c.canonical_address,
    ((p.pieces = c.piece_count) AND (p.bytes = c.byte_length) AND (p.missing_body = 0) AND (p.retired_inside = 0) AND (NOT (c.render_revision IS DISTINCT FROM c.revision)) AND ((c.source_digest IS NULL) OR (c.render_digest = c.source_digest))) AS healthy,
    p.pieces,
    c.piece_count AS pieces_counted,
    p.bytes,
    c.byte_length AS bytes_counted,
    p.missing_body,
    p.retired_inside,
    (c.render_revision IS DISTINCT FROM c.revision) AS render_stale,
    ((c.source_digest IS NOT NULL) AND (c.render_digest IS DISTINCT FROM c.source_digest)) AS differs_from_source
   FROM (iu_collection c
     CROSS JOIN LATERAL ( SELECT (count(*))::integer AS pieces,
            COALESCE(sum((v.byte_length + octet_length(COALESCE(p_1.separator,
                CASE
                    WHEN p_1.followed THEN c.joiner
                    ELSE ''::text
                END)))), (0)::bigint) AS bytes,
            (count(*) FILTER (WHERE (v.unit_id IS NULL)))::integer AS missing_body,
            (count(*) FILTER (WHERE (u.lifecycle_status = ANY (ARRAY['retired'::text, 'deleted'::text]))))::integer AS retired_inside
           FROM ((( SELECT iu_collection_piece.collection_id,
                    iu_collection_piece.unit_id,
                    iu_collection_piece."position",
                    iu_collection_piece.pinned_version_seq,
                    iu_collection_piece.separator,
                    (lead(iu_collection_piece.unit_id) OVER (ORDER BY iu_collection_piece."position") IS NOT NULL) AS followed
                   FROM iu_collection_piece
                  WHERE (iu_collection_piece.collection_id = c.id)) p_1
             JOIN information_unit u ON ((u.id = p_1.unit_id)))
             LEFT JOIN unit_version v ON (((v.unit_id = u.id) AND (v.version_seq = COALESCE(p_1.pinned_version_seq, u.current_version_seq)))))) p)
  WHERE (c.status = 'active'::text);
ALTER VIEW v_iu_collection_health OWNER TO iu_owner;
COMMENT ON VIEW v_iu_collection_health IS 'Each collection counted anew from its rows: pieces and bytes, missing bodies, retired pieces inside, stale or differing rendering';
GRANT SELECT ON v_iu_collection_health TO iu_reader;
CREATE OR REPLACE FUNCTION iu_core.fn_iu_compose(p_canonical_address text, p_collection_kind text, p_title text, p_unit_ids bigint[], p_joiner text DEFAULT ''::text, p_separators text[] DEFAULT NULL::text[], p_source_path text DEFAULT NULL::text, p_source_digest bytea DEFAULT NULL::bytea, p_source_byte_length bigint DEFAULT NULL::bigint)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_id bigint;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  PERFORM fn_iu_classify('collection_kind', ARRAY[p_collection_kind], 'collection_kind');
  IF fn_iu_is_address(p_canonical_address) IS NOT TRUE THEN
    RAISE EXCEPTION 'canonical_address: "%" is not an address', left(p_canonical_address, 200)
      USING ERRCODE = 'IU002', COLUMN = 'canonical_address',
            HINT = 'Use lower-case segments of a-z 0-9 _ - joined by . and /, at most 512 bytes.';
  END IF;
  INSERT INTO iu_collection (canonical_address, collection_kind, title, joiner, source_path, source_digest, source_byte_length, created_by)
  VALUES (p_canonical_address, p_collection_kind, coalesce(p_title, ''), coalesce(p_joiner, ''), p_source_path, p_source_digest, p_source_byte_length, fn_iu_actor())
  ON CONFLICT (canonical_address) DO NOTHING
  RETURNING id INTO v_id;
  IF v_id IS NULL THEN
    RAISE EXCEPTION 'canonical_address: % is taken%', p_canonical_address,
        coalesce((SELECT format(' by the source %s', source_path) FROM iu_collection WHERE canonical_address = p_canonical_address AND source_path IS NOT NULL), '')
      USING ERRCODE = 'IU004', COLUMN = 'canonical_address', HINT = 'Import under another prefix (--into), or rename the file.';
  END IF;
  PERFORM fn_iu_outbox_append('collection_created', 'iu_collection', ARRAY[p_canonical_address],
    ARRAY[jsonb_build_object('collection_id', v_id, 'collection_address', p_canonical_address, 'collection_kind', p_collection_kind, 'title', coalesce(p_title, ''))]);
  IF cardinality(p_unit_ids) > 0 THEN
    PERFORM fn_iu_collection_add(v_id, p_unit_ids, fn_iu_positions_between(NULL, NULL, cardinality(p_unit_ids)),
                                 coalesce(p_separators, array_fill(NULL::text, ARRAY[cardinality(p_unit_ids)])));
  END IF;
  RETURN v_id;
END
$function$;
ALTER FUNCTION fn_iu_compose(text,text,text,bigint[],text,text[],text,bytea,bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_compose(text,text,text,bigint[],text,text[],text,bytea,bigint) IS 'Composes a new collection of units in the given order, returns its id; IU001 closed gate, IU002 bad input, IU004 address taken, and the refusals of fn_iu_collection_add';
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
CREATE OR REPLACE FUNCTION iu_core.dot_iu_soft_delete_piece(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_collections iu_collection[];
  v_pieces jsonb := '[]';
  v_facts jsonb;
BEGIN
  IF v_unit.lifecycle_status = 'deleted' THEN
    RAISE EXCEPTION 'piece: % is deleted already', v_unit.canonical_address USING ERRCODE = 'IU009', COLUMN = 'piece';
  END IF;
  PERFORM FROM iu_collection WHERE id IN (SELECT collection_id FROM iu_collection_piece WHERE unit_id = v_unit.id) ORDER BY id FOR NO KEY UPDATE;
  SELECT coalesce(array_agg(c ORDER BY c.id), '{}') INTO v_collections
  FROM iu_collection AS c JOIN iu_collection_piece AS p ON p.collection_id = c.id WHERE p.unit_id = v_unit.id;
  -- Where it stood is kept beside it, so that a restore knows the place.
  INSERT INTO iu_collection_piece_parked (collection_id, unit_id, position, pinned_version_seq, separator)
  SELECT collection_id, unit_id, position, pinned_version_seq, separator FROM iu_collection_piece WHERE unit_id = v_unit.id;
  FOR i IN 1 .. cardinality(v_collections) LOOP
    v_facts := fn_dot_piece_facts(v_collections[i].id, v_unit.id);
    PERFORM fn_iu_collection_remove(v_collections[i].id, ARRAY[v_unit.id]);
    v_pieces := v_pieces || fn_dot_collection_object(v_collections[i])
      || jsonb_build_object('ref', format('piece:%s#%s', v_collections[i].canonical_address, v_unit.canonical_address), 'change', 'delete', 'before', v_facts);
  END LOOP;
  PERFORM fn_iu_lifecycle_set(v_unit.id, 'deleted');
  v_facts := fn_dot_lifecycle_changed(v_unit, 'deleted');
  RETURN v_facts || jsonb_build_object(
    'state', (v_facts -> 'state') || jsonb_build_object('revisions', (SELECT jsonb_agg(c.revision ORDER BY c.id) FROM unnest(v_collections) AS c)),
    'objects', (v_facts -> 'objects') || v_pieces,
    'checks', (v_facts -> 'checks') || jsonb_build_object('name', 'piece_in_no_manifest', 'kind', 'unit_unused', 'unit', v_unit.canonical_address),
    'notes', CASE WHEN cardinality(v_collections) > 1 THEN jsonb_build_array(format('It leaves %s collections.', cardinality(v_collections))) ELSE '[]' END);
END
$function$;
ALTER FUNCTION dot_iu_soft_delete_piece(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_soft_delete_piece(jsonb,jsonb) IS 'Soft-deletes a piece: it leaves every manifest, and a restore brings it back';
CREATE OR REPLACE FUNCTION iu_core.fn_iu_create_batch(p_canonical_addresses text[], p_unit_kinds text[], p_bodies text[], p_titles text[], p_source_path text DEFAULT NULL::text)
 RETURNS bigint[]
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_count integer := cardinality(p_canonical_addresses);
  v_wrong text;
  v_ids bigint[];
  v_actor constant text := fn_iu_actor();
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  IF v_count IS NULL OR (cardinality(p_unit_kinds), cardinality(p_bodies), cardinality(p_titles)) IS DISTINCT FROM (v_count, v_count, v_count) THEN
    RAISE EXCEPTION 'canonical_addresses, unit_kinds, bodies and titles must be arrays of one length'
      USING ERRCODE = 'IU002', COLUMN = 'canonical_addresses';
  END IF;
  SELECT coalesce(a, 'null') INTO v_wrong FROM unnest(p_canonical_addresses) AS a WHERE fn_iu_is_address(a) IS NOT TRUE LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'canonical_address: "%" is not an address', left(v_wrong, 200)
      USING ERRCODE = 'IU002', COLUMN = 'canonical_address',
            HINT = 'Use lower-case segments of a-z 0-9 _ - joined by . and /, at most 512 bytes.';
  END IF;
  IF array_position(p_bodies, NULL) IS NOT NULL THEN
    RAISE EXCEPTION 'body: a unit is born with a body' USING ERRCODE = 'IU002', COLUMN = 'body';
  END IF;
  PERFORM fn_iu_classify('unit_kind', p_unit_kinds, 'unit_kind');

  BEGIN
    WITH given AS (
      SELECT address, kind, coalesce(title, '') AS title, n
      FROM unnest(p_canonical_addresses, p_unit_kinds, p_titles) WITH ORDINALITY AS g(address, kind, title, n)
    ), born AS (
      INSERT INTO information_unit (canonical_address, unit_kind, title, source_path, created_by)
      SELECT address, kind, title, p_source_path, v_actor FROM given ORDER BY n
      RETURNING id, canonical_address
    )
    SELECT array_agg(born.id ORDER BY given.n) INTO v_ids
    FROM given JOIN born ON born.canonical_address = given.address;
  EXCEPTION WHEN unique_violation THEN
    SELECT a INTO v_wrong FROM unnest(p_canonical_addresses) AS a
    WHERE EXISTS (SELECT FROM information_unit u WHERE u.canonical_address = a) LIMIT 1;
    RAISE EXCEPTION 'canonical_address: % is taken', coalesce(v_wrong, '(given twice, or taken just now)')
      USING ERRCODE = 'IU004', COLUMN = 'canonical_address', HINT = 'Choose another address.';
  END;

  INSERT INTO unit_version (unit_id, version_seq, body, content_digest, byte_length, created_by)
  SELECT id, 1, body, sha256(convert_to(body, 'UTF8')), octet_length(body), v_actor
  FROM unnest(v_ids, p_bodies) AS v(id, body);
  RETURN coalesce(v_ids, '{}');
END
$function$;
ALTER FUNCTION fn_iu_create_batch(text[],text[],text[],text[],text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_create_batch(text[],text[],text[],text[],text) IS 'Birth gate, set-based: makes one unit with version 1 per element, returns their ids in the given order; IU001 closed gate, IU002 bad input, IU004 address taken';
CREATE OR REPLACE FUNCTION iu_core.dot_iu_revise_piece(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_body text := p_params ->> 'body';
  v_followers jsonb;
  v_collections iu_collection[];
BEGIN
  IF (p_params ? 'body') = (p_params ? 'version') THEN
    RAISE EXCEPTION 'body: give the new body, or the version whose body is wanted again' USING ERRCODE = 'IU002', COLUMN = 'body';
  ELSIF (p_params ->> 'expect_version')::integer <> v_unit.current_version_seq THEN
    RAISE EXCEPTION 'expect_version: the piece is at version % by now', v_unit.current_version_seq USING ERRCODE = 'IU014', COLUMN = 'expect_version', HINT = 'Look at the new version first.';
  END IF;
  IF p_params ? 'version' THEN
    SELECT body INTO v_body FROM unit_version WHERE unit_id = v_unit.id AND version_seq = (p_params ->> 'version')::integer;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'version: the piece has no version %', p_params ->> 'version' USING ERRCODE = 'IU003', COLUMN = 'version';
    END IF;
  END IF;
  PERFORM FROM iu_collection WHERE id IN (SELECT collection_id FROM iu_collection_piece WHERE unit_id = v_unit.id AND pinned_version_seq IS NULL) ORDER BY id FOR NO KEY UPDATE;
  SELECT array_agg(c ORDER BY c.id) INTO v_collections
  FROM iu_collection AS c WHERE c.id IN (SELECT collection_id FROM iu_collection_piece WHERE unit_id = v_unit.id AND pinned_version_seq IS NULL);
  IF fn_iu_apply_versions(ARRAY[v_unit.id], ARRAY[v_body], NULL, ARRAY[p_params ->> 'title']) = 0 THEN
    RAISE EXCEPTION 'body: it is the current one, byte for byte' USING ERRCODE = 'IU016', COLUMN = 'body';
  END IF;
  SELECT coalesce(jsonb_agg(fn_dot_collection_object(c) ORDER BY c.id), '[]') INTO v_followers FROM unnest(v_collections) AS c;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('version', v_unit.current_version_seq, 'title', v_unit.title, 'followers', (SELECT jsonb_agg(c.revision ORDER BY c.id) FROM unnest(v_collections) AS c)),
    'objects', jsonb_build_array(fn_dot_unit_object(v_unit, v_unit.id)) || v_followers,
    'result', jsonb_build_object('version', v_unit.current_version_seq + 1),
    'checks', jsonb_build_array(jsonb_build_object('name', 'version_applied', 'kind', 'unit', 'unit', v_unit.canonical_address, 'version', v_unit.current_version_seq + 1, 'sha256', encode(sha256(convert_to(v_body, 'UTF8')), 'hex'))),
    'inverse', jsonb_build_object('command', 'dot_iu_revise_piece', 'params', jsonb_build_object('piece', v_unit.canonical_address, 'version', v_unit.current_version_seq, 'expect_version', v_unit.current_version_seq + 1, 'title', v_unit.title)));
END
$function$;
ALTER FUNCTION dot_iu_revise_piece(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_revise_piece(jsonb,jsonb) IS 'Gives a unit a new version: a new body, or that of an earlier version';
DROP FUNCTION iu_core.fn_iu_title(text,text);
DROP FUNCTION iu_core.fn_iu_title_line(text);
DROP FUNCTION iu_core.fn_iu_seam_revised(bigint,bigint,text);
CREATE OR REPLACE FUNCTION iu_core.dot_iu_restore_piece(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_parked record;
  v_at numeric;
  v_objects jsonb := '[]';
  v_checks jsonb := '[]';
  v_notes jsonb := '[]';
  v_revisions jsonb := '[]';
  v_status text;
BEGIN
  IF v_unit.lifecycle_status NOT IN ('retired', 'deleted') THEN
    RAISE EXCEPTION 'piece: % is %, there is nothing to restore', v_unit.canonical_address, v_unit.lifecycle_status USING ERRCODE = 'IU009', COLUMN = 'piece';
  END IF;
  v_status := fn_iu_lifecycle_set(v_unit.id, NULL);
  IF v_unit.lifecycle_status = 'deleted' THEN
    PERFORM FROM iu_collection WHERE id IN (SELECT collection_id FROM iu_collection_piece_parked WHERE unit_id = v_unit.id) ORDER BY id FOR NO KEY UPDATE;
    FOR v_parked IN
      SELECT k.position, k.pinned_version_seq, k.separator, c AS collection FROM iu_collection_piece_parked AS k JOIN iu_collection AS c ON c.id = k.collection_id WHERE k.unit_id = v_unit.id ORDER BY c.id
    LOOP
      v_at := v_parked.position;
      IF EXISTS (SELECT FROM iu_collection_piece WHERE collection_id = (v_parked.collection).id AND position = v_at) THEN
        v_at := (fn_iu_positions_between(v_at, (SELECT min(position) FROM iu_collection_piece WHERE collection_id = (v_parked.collection).id AND position > v_at), 1))[1];
        v_notes := v_notes || to_jsonb(format('In %s another piece stands at its place; it comes directly after that one.', (v_parked.collection).canonical_address));
      END IF;
      PERFORM fn_iu_collection_put((v_parked.collection).id, ARRAY[v_unit.id], ARRAY[v_at], ARRAY[v_parked.separator], ARRAY[v_parked.pinned_version_seq]);
      v_objects := v_objects || fn_dot_collection_object(v_parked.collection) || jsonb_build_object(
        'ref', format('piece:%s#%s', (v_parked.collection).canonical_address, v_unit.canonical_address), 'change', 'create', 'after', fn_dot_piece_facts((v_parked.collection).id, v_unit.id));
      v_checks := v_checks || jsonb_build_object('name', 'piece_in_place', 'kind', 'piece', 'collection', (v_parked.collection).canonical_address, 'unit', v_unit.canonical_address, 'at', v_at::text);
      v_revisions := v_revisions || to_jsonb((v_parked.collection).revision);
    END LOOP;
    DELETE FROM iu_collection_piece_parked WHERE unit_id = v_unit.id;
  END IF;
  PERFORM fn_iu_outbox_append('piece_restored', 'iu_collection', array_agg(c.canonical_address ORDER BY c.id),
    array_agg(jsonb_build_object('collection_address', c.canonical_address, 'unit_id', v_unit.id, 'unit_address', v_unit.canonical_address) ORDER BY c.id))
  FROM iu_collection_piece AS p JOIN iu_collection AS c ON c.id = p.collection_id WHERE p.unit_id = v_unit.id HAVING count(*) > 0;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('status', v_unit.lifecycle_status, 'version', v_unit.current_version_seq, 'revisions', v_revisions),
    'objects', jsonb_build_array(fn_dot_unit_object(v_unit, v_unit.id)) || v_objects,
    'result', jsonb_build_object('status', v_status),
    'notes', v_notes,
    'checks', jsonb_build_array(jsonb_build_object('name', 'piece_is_' || v_status, 'kind', 'unit', 'unit', v_unit.canonical_address, 'status', v_status)) || v_checks,
    'inverse', jsonb_build_object('command', CASE v_unit.lifecycle_status WHEN 'retired' THEN 'dot_iu_retire_piece' ELSE 'dot_iu_soft_delete_piece' END, 'params', jsonb_build_object('piece', v_unit.canonical_address)));
END
$function$;
ALTER FUNCTION dot_iu_restore_piece(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_restore_piece(jsonb,jsonb) IS 'Brings a retired or soft-deleted piece back to what it was before, and to its places where they are still free';
CREATE OR REPLACE FUNCTION iu_core.dot_iu_reorder_piece(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_collection constant iu_collection := fn_dot_collection(p_params);
  v_before constant jsonb := fn_dot_piece_facts(v_collection.id, v_unit.id);
  v_at numeric;
  v_after jsonb;
BEGIN
  IF v_before IS NULL THEN
    RAISE EXCEPTION 'piece: % does not stand in %', v_unit.canonical_address, v_collection.canonical_address USING ERRCODE = 'IU003', COLUMN = 'piece';
  ELSIF NOT p_params ?| ARRAY['to', 'after', 'before', 'position', 'at'] THEN
    RAISE EXCEPTION 'to: say where to' USING ERRCODE = 'IU002', COLUMN = 'to', HINT = 'One of to (first, last), after, before, position.';
  ELSIF (p_params ->> 'expect_at')::numeric <> (v_before ->> 'at')::numeric THEN
    RAISE EXCEPTION 'expect_at: the piece has moved since' USING ERRCODE = 'IU014', COLUMN = 'expect_at', HINT = 'Look where it stands now.';
  END IF;
  v_at := fn_dot_place(v_collection.id, v_unit.id, p_params);
  PERFORM fn_iu_collection_reorder(v_collection.id, ARRAY[v_unit.id], ARRAY[v_at]);
  v_after := fn_dot_piece_facts(v_collection.id, v_unit.id);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_collection.revision, 'piece', v_before),
    'objects', jsonb_build_array(fn_dot_collection_object(v_collection),
      jsonb_build_object('ref', format('piece:%s#%s', v_collection.canonical_address, v_unit.canonical_address), 'change', 'update', 'before', v_before, 'after', v_after)),
    'refs', jsonb_build_array('unit:' || v_unit.canonical_address),
    'result', jsonb_build_object('at', v_after -> 'at'),
    'checks', jsonb_build_array(jsonb_build_object('name', 'piece_in_place', 'kind', 'piece', 'collection', v_collection.canonical_address, 'unit', v_unit.canonical_address, 'at', v_after -> 'at')),
    'inverse', jsonb_build_object('command', 'dot_iu_reorder_piece', 'params', jsonb_build_object('collection', v_collection.canonical_address, 'piece', v_unit.canonical_address, 'at', v_before -> 'at', 'expect_at', v_after -> 'at')));
END
$function$;
ALTER FUNCTION dot_iu_reorder_piece(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_reorder_piece(jsonb,jsonb) IS 'Moves a piece within its collection; one row is written, whatever the collection''s size';
CREATE OR REPLACE FUNCTION iu_core.dot_iu_remove_piece_from_collection(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_collection constant iu_collection := fn_dot_collection(p_params);
  v_before constant jsonb := fn_dot_piece_facts(v_collection.id, v_unit.id);
BEGIN
  IF v_before IS NULL THEN
    RAISE EXCEPTION 'piece: % does not stand in %', v_unit.canonical_address, v_collection.canonical_address USING ERRCODE = 'IU003', COLUMN = 'piece';
  END IF;
  PERFORM fn_iu_collection_remove(v_collection.id, ARRAY[v_unit.id]);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_collection.revision, 'piece', v_before),
    'objects', jsonb_build_array(fn_dot_collection_object(v_collection),
      jsonb_build_object('ref', format('piece:%s#%s', v_collection.canonical_address, v_unit.canonical_address), 'change', 'delete', 'before', v_before)),
    'refs', jsonb_build_array('unit:' || v_unit.canonical_address),
    'checks', jsonb_build_array(
      jsonb_build_object('name', 'piece_gone_from_collection', 'kind', 'piece_absent', 'collection', v_collection.canonical_address, 'unit', v_unit.canonical_address),
      jsonb_build_object('name', 'piece_lives_on', 'kind', 'unit', 'unit', v_unit.canonical_address, 'status', v_unit.lifecycle_status)),
    'inverse', jsonb_build_object('command', 'dot_iu_add_piece', 'params', jsonb_build_object('collection', v_collection.canonical_address, 'piece', v_unit.canonical_address) || (v_before - 'after')))
    || CASE WHEN v_unit.lifecycle_status = 'retired' THEN '{"inverse": null, "irreversible": "A retired piece cannot be added anywhere; restore it first."}'::jsonb ELSE '{}' END;
END
$function$;
ALTER FUNCTION dot_iu_remove_piece_from_collection(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_remove_piece_from_collection(jsonb,jsonb) IS 'Takes a piece out of a collection; the piece lives on';
DROP FUNCTION iu_core.fn_iu_seam_close(bigint,numeric,text);
CREATE OR REPLACE FUNCTION iu_core.dot_iu_import_text(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET standard_conforming_strings TO 'on'
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
DROP FUNCTION iu_core.fn_iu_import_file(text, bytea, text[], integer[], integer[], text[], smallint[]);
CREATE FUNCTION iu_core.fn_iu_import_file(p_source_path text, p_content bytea, p_kinds text[], p_starts integer[], p_lengths integer[], p_titles text[], p_section_levels smallint[])
 RETURNS TABLE(outcome text, canonical_address text, pieces integer, pieces_created integer, versions_created integer, pieces_removed integer, pieces_moved integer, byte_length bigint, content_digest text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  v_count constant integer := cardinality(p_starts);
  v_digest constant bytea := sha256(p_content);
  v_collection iu_collection;
  v_bodies text[];
  v_separators text[];
  v_units bigint[];           -- the unit of each new piece
  v_positions numeric[];
  v_stays boolean[];
  v_same boolean[];
  v_old_units bigint[];
  v_old_positions numeric[];
  v_old_kinds text[];
  v_old_digests text[];
  v_old_nos integer[];
  v_removed bigint[];
  v_created integer[];        -- numbers of the new pieces that are born
  v_born bigint[];
  v_born_separators text[];
  v_run integer;
  -- A file is known by its first heading of the first level, or by its name.
  v_title constant text := coalesce((SELECT t FROM unnest(p_titles, p_section_levels) WITH ORDINALITY AS g(t, l, n) WHERE l = 1 AND t <> '' ORDER BY n LIMIT 1),
                                    regexp_replace(p_source_path, '^.*/', ''));
  v_between numeric[];
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  IF coalesce(p_source_path, '') = '' OR octet_length(p_source_path) > 2000 THEN
    RAISE EXCEPTION 'source_path: give the path that names the source, 1 to 2000 bytes' USING ERRCODE = 'IU002', COLUMN = 'source_path';
  END IF;
  IF p_content IS NULL OR v_count IS NULL
     OR (cardinality(p_kinds), cardinality(p_lengths), cardinality(p_titles), cardinality(p_section_levels)) IS DISTINCT FROM (v_count, v_count, v_count, v_count) THEN
    RAISE EXCEPTION 'kinds, starts, lengths, titles and section_levels must be arrays of one length' USING ERRCODE = 'IU002', COLUMN = 'starts';
  END IF;
  -- The cut keeps every byte: it begins at 0 and no piece reaches into the next.
  IF (v_count = 0 AND octet_length(p_content) > 0) OR EXISTS (
       SELECT FROM (SELECT n, s, l, lead(s, 1, octet_length(p_content)) OVER (ORDER BY n) AS next
                    FROM unnest(p_starts, p_lengths) WITH ORDINALITY AS g(s, l, n)) AS piece
       WHERE (n = 1 AND s <> 0) OR (l > 0 AND s::bigint + l <= next) IS NOT TRUE) THEN
    RAISE EXCEPTION 'starts: the pieces do not cover the content in order' USING ERRCODE = 'IU002', COLUMN = 'starts';
  END IF;
  IF EXISTS (SELECT FROM unnest(p_section_levels) AS l WHERE l BETWEEN 0 AND 6 IS NOT TRUE) THEN
    RAISE EXCEPTION 'section_levels: a heading has a level from 1 to 6, all else 0' USING ERRCODE = 'IU002', COLUMN = 'section_levels';
  END IF;

  -- Imports of one source take turns; the unchanged one writes nothing at all.
  PERFORM pg_advisory_xact_lock(hashtextextended('iu_core.import ' || p_source_path, 0));
  SELECT * INTO v_collection FROM iu_collection AS c WHERE c.source_path = p_source_path;
  IF FOUND AND v_collection.render_revision = v_collection.revision AND (v_collection.render_digest, v_collection.source_digest) = (v_digest, v_digest) THEN
    RETURN QUERY SELECT 'unchanged', v_collection.canonical_address, v_collection.piece_count, 0, 0, 0, 0, v_collection.byte_length, encode(v_digest, 'hex');
    RETURN;
  END IF;

  BEGIN
    SELECT coalesce(array_agg(convert_from(substring(p_content FROM s + 1 FOR l), 'UTF8') ORDER BY n), '{}'),
           coalesce(array_agg(convert_from(substring(p_content FROM s + l + 1 FOR next - s - l), 'UTF8') ORDER BY n), '{}')
    INTO v_bodies, v_separators
    FROM (SELECT n, s, l, lead(s, 1, octet_length(p_content)) OVER (ORDER BY n) AS next
          FROM unnest(p_starts, p_lengths) WITH ORDINALITY AS g(s, l, n)) AS piece;
  EXCEPTION WHEN character_not_in_repertoire THEN
    RAISE EXCEPTION 'content: %, or a piece that begins or ends inside a character', SQLERRM USING ERRCODE = 'IU002', COLUMN = 'content';
  END;

  IF v_collection.id IS NULL THEN
    v_collection.canonical_address := fn_iu_source_address(p_source_path);
    v_collection.id := fn_iu_compose(
      v_collection.canonical_address, 'file', v_title, '{}', '', '{}', p_source_path, v_digest, octet_length(p_content));
    v_units := fn_iu_create_batch(
      ARRAY(SELECT fn_iu_piece_address(v_collection.canonical_address, n::integer, t) FROM unnest(p_titles) WITH ORDINALITY AS g(t, n) ORDER BY n),
      p_kinds, v_bodies, p_titles, p_source_path);
    PERFORM fn_iu_collection_add(v_collection.id, v_units, fn_iu_positions_between(NULL, NULL, v_count), v_separators);
    UPDATE iu_collection AS c SET next_piece_no = v_count + 1 WHERE c.id = v_collection.id;
    outcome := 'created'; pieces_created := v_count; versions_created := 0; pieces_removed := 0; pieces_moved := 0;
  ELSE
    SELECT * INTO STRICT v_collection FROM iu_collection AS c WHERE c.id = v_collection.id FOR UPDATE;
    SELECT coalesce(array_agg(p.unit_id ORDER BY p.position), '{}'), coalesce(array_agg(p.position ORDER BY p.position), '{}'),
           coalesce(array_agg(u.unit_kind ORDER BY p.position), '{}'), coalesce(array_agg(encode(v.content_digest, 'hex') ORDER BY p.position), '{}')
    INTO v_old_units, v_old_positions, v_old_kinds, v_old_digests
    FROM iu_collection_piece AS p
    JOIN information_unit AS u ON u.id = p.unit_id
    JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(p.pinned_version_seq, u.current_version_seq)
    WHERE p.collection_id = v_collection.id;
    SELECT coalesce(array_agg(a.old_no ORDER BY a.new_no) FILTER (WHERE a.new_no IS NOT NULL), '{}'),
           coalesce(array_agg(a.is_same ORDER BY a.new_no) FILTER (WHERE a.new_no IS NOT NULL), '{}'),
           coalesce(array_agg(a.stays ORDER BY a.new_no) FILTER (WHERE a.new_no IS NOT NULL), '{}'),
           coalesce(array_agg(v_old_units[a.old_no] ORDER BY a.old_no) FILTER (WHERE a.new_no IS NULL), '{}')
    INTO v_old_nos, v_same, v_stays, v_removed
    FROM fn_iu_align(v_old_digests, ARRAY(SELECT encode(sha256(convert_to(b, 'UTF8')), 'hex') FROM unnest(v_bodies) WITH ORDINALITY AS g(b, n) ORDER BY n),
                     v_old_kinds, p_kinds) AS a;

    v_created := ARRAY(SELECT n::integer FROM unnest(v_old_nos) WITH ORDINALITY AS g(o, n) WHERE o IS NULL ORDER BY n);
    -- Joins, not subscripts: an element of an array of numerics or texts is found by walking to it.
    SELECT coalesce(array_agg(old.unit_id ORDER BY g.n), '{}'), coalesce(array_agg(CASE WHEN g.stay THEN old.position END ORDER BY g.n), '{}')
    INTO v_units, v_positions
    FROM unnest(v_old_nos, v_stays) WITH ORDINALITY AS g(o, stay, n)
    LEFT JOIN unnest(v_old_units, v_old_positions) WITH ORDINALITY AS old(unit_id, position, o) ON old.o = g.o;

    -- Runs of pieces without a place go between the two that stay around them.
    FOR i IN 1 .. v_count LOOP
      CONTINUE WHEN v_positions[i] IS NOT NULL;
      v_run := i;
      WHILE v_run < v_count AND v_positions[v_run + 1] IS NULL LOOP v_run := v_run + 1; END LOOP;
      v_between := fn_iu_positions_between(v_positions[i - 1], v_positions[v_run + 1], v_run - i + 1);
      FOR j IN i .. v_run LOOP v_positions[j] := v_between[j - i + 1]; END LOOP;
    END LOOP;

    IF cardinality(v_removed) > 0 THEN
      PERFORM fn_iu_collection_remove(v_collection.id, v_removed);
    END IF;
    -- A revised piece that was pinned follows its source again.
    UPDATE iu_collection_piece AS p SET pinned_version_seq = NULL
    FROM unnest(v_units, v_same) AS g(unit_id, same)
    WHERE p.collection_id = v_collection.id AND p.unit_id = g.unit_id AND NOT g.same AND p.pinned_version_seq IS NOT NULL;
    SELECT fn_iu_apply_versions(array_agg(unit_id ORDER BY n), array_agg(body ORDER BY n), array_agg(kind ORDER BY n), array_agg(title ORDER BY n))
    INTO versions_created
    FROM unnest(v_old_nos, v_same, v_units, v_bodies, p_kinds, p_titles) WITH ORDINALITY AS g(o, same, unit_id, body, kind, title, n)
    WHERE o IS NOT NULL AND NOT same
    HAVING count(*) > 0;
    SELECT count(fn_iu_collection_reorder(v_collection.id, unit_ids, positions)), coalesce(max(cardinality(unit_ids)), 0)
    INTO v_run, pieces_moved
    FROM (SELECT array_agg(unit_id ORDER BY n) AS unit_ids, array_agg(position ORDER BY n) AS positions
          FROM unnest(v_old_nos, v_stays, v_units, v_positions) WITH ORDINALITY AS g(o, stay, unit_id, position, n)
          WHERE o IS NOT NULL AND NOT stay
          HAVING count(*) > 0) AS moved;
    IF cardinality(v_created) > 0 THEN
      SELECT fn_iu_create_batch(array_agg(fn_iu_piece_address(v_collection.canonical_address, v_collection.next_piece_no + k::integer - 1, g.title) ORDER BY k),
                                array_agg(g.kind ORDER BY k), array_agg(g.body ORDER BY k), array_agg(g.title ORDER BY k), p_source_path),
             array_agg(g.position ORDER BY k), array_agg(g.separator ORDER BY k)
      INTO v_born, v_positions, v_born_separators
      FROM unnest(v_created) WITH ORDINALITY AS c(n, k)
      JOIN unnest(v_bodies, p_kinds, p_titles, v_positions, v_separators) WITH ORDINALITY AS g(body, kind, title, position, separator, n) ON g.n = c.n;
      FOR k IN 1 .. cardinality(v_created) LOOP
        v_units[v_created[k]] := v_born[k];
      END LOOP;
      PERFORM fn_iu_collection_add(v_collection.id, v_born, v_positions, v_born_separators);
    END IF;
    UPDATE iu_collection_piece AS p SET separator = g.separator
    FROM unnest(v_units, v_separators) AS g(unit_id, separator)
    WHERE p.collection_id = v_collection.id AND p.unit_id = g.unit_id AND p.separator IS DISTINCT FROM g.separator;
    UPDATE iu_collection AS c
    SET revision = c.revision + 1, title = v_title, next_piece_no = c.next_piece_no + cardinality(v_created),
        source_digest = v_digest, source_byte_length = octet_length(p_content), updated_at = clock_timestamp()
    WHERE c.id = v_collection.id;
    outcome := 'updated'; versions_created := coalesce(versions_created, 0);
    pieces_created := cardinality(v_created); pieces_removed := cardinality(v_removed);
  END IF;

  PERFORM fn_iu_tree_place(v_units, p_section_levels);
  IF fn_iu_collection_seal(v_collection.id) <> v_digest THEN
    RAISE EXCEPTION 'round trip failed: % does not render to the bytes it was cut from', p_source_path
      USING ERRCODE = 'IU006', DETAIL = format('source sha256 %s', encode(v_digest, 'hex')), HINT = 'Nothing was written. Report the file.';
  END IF;
  SELECT v_collection.canonical_address, c.piece_count, c.byte_length, encode(v_digest, 'hex')
  INTO canonical_address, pieces, byte_length, content_digest
  FROM iu_collection AS c WHERE c.id = v_collection.id;
  RETURN NEXT;
END
$function$;
ALTER FUNCTION fn_iu_import_file(text,bytea,text[],integer[],integer[],text[],smallint[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_import_file(text,bytea,text[],integer[],integer[],text[],smallint[]) IS 'Imports one source: the file''s bytes and its cut (byte offsets from 0, lengths; the rest between two pieces separates them). Makes the collection, or brings it to the new bytes with the fewest new versions and pieces, and proves that it renders to the same SHA-256. outcome: created, updated, unchanged (nothing written). IU001 closed gate, IU002 bad cut, IU004 address taken, IU006 round trip failed';
DROP FUNCTION iu_core.fn_iu_import_over(iu_collection,iu_import_base,bigint[],boolean[],boolean[],bigint[]);
CREATE OR REPLACE FUNCTION iu_core.fn_iu_collection_return(p_collection_id bigint, p_checkpoint_no integer)
 RETURNS TABLE(pieces_added integer, pieces_removed integer, pieces_moved integer, versions_created integer)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_checkpoint iu_collection_checkpoint;
  v_wrong text;
  v_ids bigint[];
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  -- Units before collections: the lock order of every writer.
  PERFORM FROM information_unit
  WHERE id IN (SELECT unit_id FROM iu_collection_piece WHERE collection_id = p_collection_id
               UNION SELECT unit_id FROM iu_collection_checkpoint_piece WHERE collection_id = p_collection_id AND checkpoint_no = p_checkpoint_no)
  ORDER BY id FOR UPDATE;
  PERFORM FROM iu_collection WHERE id = p_collection_id FOR NO KEY UPDATE;
  SELECT * INTO v_checkpoint FROM iu_collection_checkpoint WHERE collection_id = p_collection_id AND checkpoint_no = p_checkpoint_no;
  IF NOT FOUND AND p_checkpoint_no <> 0 THEN
    RAISE EXCEPTION 'checkpoint: the collection has no checkpoint %', p_checkpoint_no USING ERRCODE = 'IU003', COLUMN = 'checkpoint';
  END IF;
  SELECT format('%s (%s)', u.canonical_address, u.lifecycle_status) INTO v_wrong
  FROM iu_collection_checkpoint_piece AS k JOIN information_unit AS u ON u.id = k.unit_id
  WHERE k.collection_id = p_collection_id AND k.checkpoint_no = p_checkpoint_no AND u.lifecycle_status IN ('retired', 'deleted')
    AND NOT EXISTS (SELECT FROM iu_collection_piece AS p WHERE p.collection_id = p_collection_id AND p.unit_id = k.unit_id) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'piece % cannot be added anywhere', v_wrong USING ERRCODE = 'IU009', COLUMN = 'checkpoint', HINT = 'Restore it first.';
  END IF;

  v_ids := ARRAY(SELECT p.unit_id FROM iu_collection_piece AS p
                 WHERE p.collection_id = p_collection_id
                   AND NOT EXISTS (SELECT FROM iu_collection_checkpoint_piece AS k WHERE (k.collection_id, k.checkpoint_no, k.unit_id) = (p_collection_id, p_checkpoint_no, p.unit_id))
                 ORDER BY p.position);
  pieces_removed := cardinality(v_ids);
  IF pieces_removed > 0 THEN
    PERFORM fn_iu_collection_remove(p_collection_id, v_ids);
  END IF;
  SELECT coalesce(fn_iu_apply_versions(array_agg(k.unit_id ORDER BY k.unit_id), array_agg(w.body ORDER BY k.unit_id), array_agg(k.unit_kind ORDER BY k.unit_id), array_agg(k.title ORDER BY k.unit_id)), 0)
  INTO versions_created
  FROM iu_collection_checkpoint_piece AS k
  JOIN information_unit AS u ON u.id = k.unit_id
  JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq
  JOIN unit_version AS w ON w.unit_id = u.id AND w.version_seq = k.unit_version_seq
  -- What stands here and follows, or did: a piece that has left may have been revised for others since, and one that
  -- is pinned, then and now, was not shown in its newest text anyway.
  JOIN iu_collection_piece AS p ON p.collection_id = k.collection_id AND p.unit_id = k.unit_id AND (p.pinned_version_seq IS NULL OR NOT k.is_pinned)
  WHERE k.collection_id = p_collection_id AND k.checkpoint_no = p_checkpoint_no AND v.content_digest <> w.content_digest
  HAVING count(*) > 0;
  versions_created := coalesce(versions_created, 0);

  SELECT count(fn_iu_collection_reorder(p_collection_id, unit_ids, positions)), coalesce(max(cardinality(unit_ids)), 0) INTO v_wrong, pieces_moved
  FROM (SELECT array_agg(k.unit_id ORDER BY k.position) AS unit_ids, array_agg(k.position ORDER BY k.position) AS positions
        FROM iu_collection_checkpoint_piece AS k JOIN iu_collection_piece AS p ON p.collection_id = k.collection_id AND p.unit_id = k.unit_id
        WHERE k.collection_id = p_collection_id AND k.checkpoint_no = p_checkpoint_no AND p.position <> k.position
        HAVING count(*) > 0) AS moved;
  SELECT count(fn_iu_collection_put(p_collection_id, unit_ids, positions, separators, pins)), coalesce(max(cardinality(unit_ids)), 0) INTO v_wrong, pieces_added
  FROM (SELECT array_agg(k.unit_id ORDER BY k.position) AS unit_ids, array_agg(k.position ORDER BY k.position) AS positions, array_agg(k.separator ORDER BY k.position) AS separators,
               -- What was revised since it left comes back pinned to the text that it had here.
               array_agg(CASE WHEN k.is_pinned OR v.content_digest <> w.content_digest THEN k.version_seq END ORDER BY k.position) AS pins
        FROM iu_collection_checkpoint_piece AS k
        JOIN information_unit AS u ON u.id = k.unit_id
        JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq
        JOIN unit_version AS w ON w.unit_id = u.id AND w.version_seq = k.version_seq
        WHERE k.collection_id = p_collection_id AND k.checkpoint_no = p_checkpoint_no
          AND NOT EXISTS (SELECT FROM iu_collection_piece AS p WHERE p.collection_id = p_collection_id AND p.unit_id = k.unit_id)
        HAVING count(*) > 0) AS missing;
  UPDATE iu_collection_piece AS p SET separator = k.separator, pinned_version_seq = pin.version_seq
  FROM iu_collection_checkpoint_piece AS k
  JOIN information_unit AS u ON u.id = k.unit_id
  JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq
  JOIN unit_version AS w ON w.unit_id = u.id AND w.version_seq = k.version_seq
  CROSS JOIN LATERAL (SELECT CASE WHEN k.is_pinned OR v.content_digest <> w.content_digest THEN k.version_seq END AS version_seq) AS pin
  WHERE (k.collection_id, k.checkpoint_no, k.unit_id) = (p_collection_id, p_checkpoint_no, p.unit_id) AND p.collection_id = p_collection_id
    AND (p.separator, p.pinned_version_seq) IS DISTINCT FROM (k.separator, pin.version_seq);
  DELETE FROM iu_tree_path AS t USING iu_collection_checkpoint_piece AS k
  WHERE k.collection_id = p_collection_id AND k.checkpoint_no = p_checkpoint_no AND k.section_level IS NULL AND t.unit_id = k.unit_id;
  INSERT INTO iu_tree_path (unit_id, parent_unit_id, section_level)
  SELECT k.unit_id, k.parent_unit_id, k.section_level FROM iu_collection_checkpoint_piece AS k
  WHERE k.collection_id = p_collection_id AND k.checkpoint_no = p_checkpoint_no AND k.section_level IS NOT NULL
  ON CONFLICT (unit_id) DO UPDATE SET parent_unit_id = excluded.parent_unit_id, section_level = excluded.section_level
  WHERE (iu_tree_path.parent_unit_id, iu_tree_path.section_level) IS DISTINCT FROM (excluded.parent_unit_id, excluded.section_level);
  UPDATE iu_collection AS c
  SET revision = c.revision + 1, updated_at = clock_timestamp(), title = coalesce(v_checkpoint.title, c.title),
      source_digest = coalesce(v_checkpoint.source_digest, c.source_digest), source_byte_length = coalesce(v_checkpoint.source_byte_length, c.source_byte_length)
  WHERE c.id = p_collection_id;
  IF fn_iu_collection_seal(p_collection_id) IS DISTINCT FROM coalesce(v_checkpoint.render_digest, sha256('')) THEN
    RAISE EXCEPTION 'round trip failed: the collection does not render to the text of checkpoint %', p_checkpoint_no USING ERRCODE = 'IU006', HINT = 'Nothing was written. Report it.';
  END IF;
  RETURN NEXT;
END
$function$;
ALTER FUNCTION fn_iu_collection_return(bigint,integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_collection_return(bigint,integer) IS 'Brings a collection back to a checkpoint (0 = empty): pieces, order, separators and texts; proves it by the digest. IU001 closed gate, IU003 no such checkpoint, IU006 not the same text, IU009 a piece is retired or deleted';
DROP FUNCTION iu_core.fn_iu_import_base_put(bigint);
DROP FUNCTION iu_core.fn_dot_loss(iu_collection,integer,bigint);
CREATE OR REPLACE FUNCTION iu_core.dot_iu_create_piece(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_unit_id bigint;
  v_collection iu_collection;
  v_objects jsonb;
BEGIN
  v_unit_id := fn_iu_create(p_params ->> 'address', p_params ->> 'kind', p_params ->> 'body', coalesce(p_params ->> 'title', ''));
  v_objects := jsonb_build_array(fn_dot_unit_object(NULL, v_unit_id));
  IF p_params ? 'collection' THEN
    v_collection := fn_dot_collection(p_params);
    PERFORM fn_iu_collection_add(v_collection.id, ARRAY[v_unit_id], ARRAY[fn_dot_place(v_collection.id, v_unit_id, p_params)], ARRAY[p_params ->> 'separator']);
    v_objects := v_objects || fn_dot_collection_object(v_collection) || jsonb_build_object(
      'ref', format('piece:%s#%s', v_collection.canonical_address, p_params ->> 'address'), 'change', 'create', 'after', fn_dot_piece_facts(v_collection.id, v_unit_id));
  ELSIF p_params ?| ARRAY['to', 'after', 'before', 'position', 'separator'] THEN
    RAISE EXCEPTION 'collection: a place needs the collection that it is in' USING ERRCODE = 'IU002', COLUMN = 'collection';
  END IF;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_collection.revision),
    'objects', v_objects,
    'result', jsonb_build_object('piece', p_params -> 'address'),
    'checks', jsonb_build_array(jsonb_build_object('name', 'piece_born', 'kind', 'unit', 'unit', p_params -> 'address', 'status', 'draft', 'version', 1, 'sha256', encode(sha256(convert_to(p_params ->> 'body', 'UTF8')), 'hex')))
      || CASE WHEN v_collection.id IS NULL THEN '[]' ELSE jsonb_build_array(jsonb_build_object('name', 'piece_in_place', 'kind', 'piece', 'collection', v_collection.canonical_address, 'unit', p_params -> 'address', 'at', fn_dot_piece_facts(v_collection.id, v_unit_id) -> 'at')) END,
    'inverse', jsonb_build_object('command', 'dot_iu_soft_delete_piece', 'params', jsonb_build_object('piece', p_params -> 'address')));
END
$function$;
ALTER FUNCTION dot_iu_create_piece(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_create_piece(jsonb,jsonb) IS 'Makes a unit, and puts it into a collection where one is named';
CREATE OR REPLACE FUNCTION iu_core.dot_iu_create_collection(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_id constant bigint := fn_iu_compose(p_params ->> 'address', p_params ->> 'kind', p_params ->> 'title', '{}', coalesce(p_params ->> 'joiner', ''));
BEGIN
  RETURN fn_dot_collection_created(v_id, '[]');
END
$function$;
ALTER FUNCTION dot_iu_create_collection(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_create_collection(jsonb,jsonb) IS 'Makes an empty collection';
CREATE OR REPLACE FUNCTION iu_core.dot_iu_clone_piece(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_version unit_version;
  v_clone bigint;
BEGIN
  IF v_unit.lifecycle_status = 'deleted' THEN
    RAISE EXCEPTION 'piece: % is deleted', v_unit.canonical_address USING ERRCODE = 'IU009', COLUMN = 'piece', HINT = 'Restore it first.';
  END IF;
  SELECT * INTO STRICT v_version FROM unit_version WHERE unit_id = v_unit.id AND version_seq = v_unit.current_version_seq;
  v_clone := fn_iu_create(p_params ->> 'address', v_unit.unit_kind, v_version.body, coalesce(p_params ->> 'title', v_unit.title));
  INSERT INTO iu_relation (from_unit_id, relation_kind, to_unit_id, to_version_seq) VALUES (v_clone, 'cloned_from', v_unit.id, v_version.version_seq);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('version', v_version.version_seq, 'status', v_unit.lifecycle_status),
    'objects', jsonb_build_array(fn_dot_unit_object(NULL, v_clone), jsonb_build_object('ref', format('relation:%s cloned_from %s', p_params ->> 'address', v_unit.canonical_address), 'change', 'create', 'after', jsonb_build_object('version', v_version.version_seq))),
    'refs', jsonb_build_array('unit:' || v_unit.canonical_address),
    'result', jsonb_build_object('piece', p_params -> 'address', 'cloned_from', v_unit.canonical_address, 'version', v_version.version_seq),
    'checks', jsonb_build_array(
      jsonb_build_object('name', 'clone_has_the_text', 'kind', 'unit', 'unit', p_params -> 'address', 'status', 'draft', 'sha256', encode(v_version.content_digest, 'hex')),
      jsonb_build_object('name', 'clone_is_related', 'kind', 'relation', 'from', p_params -> 'address', 'relation', 'cloned_from', 'to', v_unit.canonical_address)),
    'inverse', jsonb_build_object('command', 'dot_iu_soft_delete_piece', 'params', jsonb_build_object('piece', p_params -> 'address')));
END
$function$;
ALTER FUNCTION dot_iu_clone_piece(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_clone_piece(jsonb,jsonb) IS 'Copies a unit''s current text under a new address, related to it as cloned_from';
CREATE OR REPLACE FUNCTION iu_core.fn_iu_collection_checkpoint(p_collection_id bigint, p_label text DEFAULT NULL::text)
 RETURNS iu_collection_checkpoint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_checkpoint iu_collection_checkpoint;
  v_text text;
BEGIN
  -- The collection's lock gives the number, and keeps its pieces still.
  PERFORM FROM iu_collection WHERE id = p_collection_id FOR NO KEY UPDATE;
  v_text := fn_iu_collection_manifest_text(p_collection_id);
  INSERT INTO iu_collection_checkpoint (collection_id, checkpoint_no, label, revision, title, manifest_text, manifest_digest, render_digest, piece_count, byte_length, source_digest, source_byte_length)
  SELECT c.id, coalesce((SELECT max(k.checkpoint_no) FROM iu_collection_checkpoint AS k WHERE k.collection_id = c.id), 0) + 1, coalesce(p_label, ''), c.revision, c.title,
         v_text, sha256(convert_to(v_text, 'UTF8')), sha256(convert_to(fn_iu_collection_render(c.id), 'UTF8')), c.piece_count, c.byte_length, c.source_digest, c.source_byte_length
  FROM iu_collection AS c WHERE c.id = p_collection_id
  RETURNING * INTO STRICT v_checkpoint;
  INSERT INTO iu_collection_checkpoint_piece (collection_id, checkpoint_no, unit_id, version_seq, is_pinned, unit_version_seq, position, separator, unit_kind, title, parent_unit_id, section_level)
  SELECT p.collection_id, v_checkpoint.checkpoint_no, p.unit_id, coalesce(p.pinned_version_seq, u.current_version_seq), p.pinned_version_seq IS NOT NULL, u.current_version_seq, p.position, p.separator,
         u.unit_kind, u.title, t.parent_unit_id, t.section_level
  FROM iu_collection_piece AS p JOIN information_unit AS u ON u.id = p.unit_id LEFT JOIN iu_tree_path AS t ON t.unit_id = p.unit_id
  WHERE p.collection_id = p_collection_id;
  RETURN v_checkpoint;
END
$function$;
ALTER FUNCTION fn_iu_collection_checkpoint(bigint,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_collection_checkpoint(bigint,text) IS 'Freezes a collection as it stands under the next number, and returns the checkpoint';
CREATE OR REPLACE FUNCTION iu_core.dot_iu_add_piece(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_collection constant iu_collection := fn_dot_collection(p_params);
  v_facts jsonb;
BEGIN
  IF EXISTS (SELECT FROM iu_collection_piece WHERE collection_id = v_collection.id AND unit_id = v_unit.id) THEN
    RAISE EXCEPTION 'piece: % stands in % already', v_unit.canonical_address, v_collection.canonical_address USING ERRCODE = 'IU004', COLUMN = 'piece', HINT = 'A piece stands in a collection at most once; move it instead.';
  ELSIF p_params ? 'pinned_version' AND NOT EXISTS (SELECT FROM unit_version WHERE unit_id = v_unit.id AND version_seq = (p_params ->> 'pinned_version')::integer) THEN
    RAISE EXCEPTION 'pinned_version: the piece has no version %', p_params ->> 'pinned_version' USING ERRCODE = 'IU003', COLUMN = 'pinned_version';
  END IF;
  PERFORM fn_iu_collection_add(v_collection.id, ARRAY[v_unit.id], ARRAY[fn_dot_place(v_collection.id, v_unit.id, p_params)], ARRAY[p_params ->> 'separator'], ARRAY[(p_params ->> 'pinned_version')::integer]);
  v_facts := fn_dot_piece_facts(v_collection.id, v_unit.id);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_collection.revision, 'version', v_unit.current_version_seq, 'status', v_unit.lifecycle_status),
    'objects', jsonb_build_array(fn_dot_collection_object(v_collection),
      jsonb_build_object('ref', format('piece:%s#%s', v_collection.canonical_address, v_unit.canonical_address), 'change', 'create', 'after', v_facts)),
    'refs', jsonb_build_array('unit:' || v_unit.canonical_address),
    'result', jsonb_build_object('at', v_facts -> 'at'),
    'checks', jsonb_build_array(jsonb_build_object('name', 'piece_in_place', 'kind', 'piece', 'collection', v_collection.canonical_address, 'unit', v_unit.canonical_address, 'at', v_facts -> 'at')),
    'inverse', jsonb_build_object('command', 'dot_iu_remove_piece_from_collection', 'params', jsonb_build_object('collection', v_collection.canonical_address, 'piece', v_unit.canonical_address)));
END
$function$;
ALTER FUNCTION dot_iu_add_piece(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_add_piece(jsonb,jsonb) IS 'Puts a piece into a collection';
DROP FUNCTION iu_core.fn_iu_seam_open(bigint,bigint,boolean,text);
DROP FUNCTION iu_core.fn_iu_seam(bigint,bigint,text[]);
DROP FUNCTION iu_core.fn_iu_separator(text,text,text,text[],text,text);
DROP FUNCTION iu_core.fn_iu_block_end(text,text);
DROP FUNCTION iu_core.fn_iu_line_end(text[]);
DROP FUNCTION iu_core.fn_iu_collection_first(bigint,bigint);
DROP FUNCTION iu_core.fn_iu_begins_text(bigint);
DROP FUNCTION iu_core.fn_dot_separators_restore(iu_collection,jsonb);
DROP FUNCTION iu_core.fn_iu_separator_put(bigint,bigint,text);
DROP FUNCTION iu_core.fn_dot_seams(iu_collection,jsonb,bigint,boolean);
DROP TABLE iu_core.iu_import_base;
ALTER TABLE iu_core.iu_collection_checkpoint DROP COLUMN base_id;
ALTER TABLE iu_core.iu_collection DROP COLUMN base_id;
ALTER TABLE iu_core.information_unit DROP COLUMN title_is_derived;
