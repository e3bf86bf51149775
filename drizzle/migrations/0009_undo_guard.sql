-- unit: schema

-- requires: dot_config, fn_dot_gate_facts, fn_iu_gate_set, iu_core
CREATE OR REPLACE FUNCTION iu_core.dot_iu_close_gate(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_gate constant text := p_params ->> 'gate';
  v_before jsonb;
BEGIN
  -- Judged on the row that is written: who is closing or opening it at this moment goes first.
  PERFORM FROM dot_config WHERE key = v_gate FOR UPDATE;
  v_before := fn_dot_gate_facts(v_gate);
  IF v_before ->> 'state' = 'closed' THEN
    RAISE EXCEPTION 'gate: % is closed already, by %: %', v_gate, v_before ->> 'by', v_before ->> 'reason' USING ERRCODE = 'IU016', COLUMN = 'gate';
  ELSIF v_before ->> 'state' IN ('missing', 'malformed') AND EXISTS (SELECT FROM iu_vocabulary WHERE term_class = 'gate' AND term = v_gate) THEN
    PERFORM fn_iu_gate_repair(v_gate);
  END IF;
  PERFORM fn_iu_gate_set(v_gate, false, coalesce(p_context ->> 'reason', 'a plan'));
  -- Only what was open is opened by an undo.
  RETURN fn_dot_gate_changed(v_gate, v_before, CASE WHEN v_before ->> 'state' = 'open' THEN
      jsonb_build_object('command', 'dot_iu_open_gate', 'params', jsonb_strip_nulls(jsonb_build_object('gate', v_gate, 'expires_at', v_before -> 'expires_at'))) END)
    || jsonb_build_object('irreversible', format('It was not open before, it was %s.', v_before ->> 'state'));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_close_gate(jsonb, jsonb) IS 'Closes a gate; it never waits behind a running command';
REVOKE ALL ON FUNCTION iu_core.dot_iu_close_gate(jsonb, jsonb) FROM PUBLIC;

-- requires: iu_core, v_iu_emitting_trigger
CREATE OR REPLACE FUNCTION iu_core.fn_dot_triggers_switched(p_enabled boolean)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_trigger record;
  v_before jsonb;
  v_objects jsonb := '[]';
BEGIN
  -- It waits for the writers under way, but not for ever: whoever stops something must be told.
  PERFORM set_config('lock_timeout', '2s', true);
  FOR v_trigger IN SELECT DISTINCT relation FROM v_iu_emitting_trigger ORDER BY relation LOOP
    EXECUTE format('LOCK TABLE %I IN SHARE ROW EXCLUSIVE MODE', v_trigger.relation);
  END LOOP;
  SELECT jsonb_object_agg(trigger, enabled) INTO v_before FROM v_iu_emitting_trigger;
  FOR v_trigger IN SELECT * FROM v_iu_emitting_trigger WHERE enabled <> p_enabled ORDER BY trigger LOOP
    EXECUTE format('ALTER TABLE %I %s TRIGGER %I', v_trigger.relation, CASE WHEN p_enabled THEN 'ENABLE' ELSE 'DISABLE' END, v_trigger.trigger);
    v_objects := v_objects || jsonb_build_object('ref', 'trigger:' || v_trigger.trigger, 'change', 'update', 'before', jsonb_build_object('enabled', NOT p_enabled), 'after', jsonb_build_object('enabled', p_enabled));
  END LOOP;
  PERFORM set_config('lock_timeout', '0', true);
  IF v_objects = '[]' THEN
    RAISE EXCEPTION 'the triggers are % already', CASE WHEN p_enabled THEN 'on' ELSE 'off' END USING ERRCODE = 'IU016';
  END IF;
  RETURN jsonb_build_object(
    'state', v_before,
    'objects', v_objects,
    'result', jsonb_build_object('enabled', p_enabled),
    'checks', jsonb_build_array(jsonb_build_object('name', CASE WHEN p_enabled THEN 'triggers_are_on' ELSE 'triggers_are_off' END, 'kind', 'triggers', 'enabled', p_enabled)),
    'inverse', jsonb_build_object('command', CASE WHEN p_enabled THEN 'dot_iu_disable_triggers' ELSE 'dot_iu_enable_triggers' END, 'params', '{}'::jsonb));
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_triggers_switched(boolean) IS 'Switches the emitting triggers and returns what the handlers return; IU016 they are so already, 55P03 a writer holds a table for longer than two seconds';
REVOKE ALL ON FUNCTION iu_core.fn_dot_triggers_switched(boolean) FROM PUBLIC;

-- requires: iu_core, iu_route_dead_letter
CREATE OR REPLACE FUNCTION iu_core.fn_dot_letter_object(p_before iu_core.iu_route_dead_letter)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT jsonb_build_object('ref', 'dead_letter:' || d.id, 'change', 'update',
    'before', jsonb_build_object('status', (p_before).status, 'attempt', (p_before).attempt_no, 'failure', (p_before).failure_code),
    'after', jsonb_build_object('status', d.status, 'attempt', coalesce(d.resolved_attempt_no, d.attempt_no)) || CASE d.status WHEN 'replayed' THEN '{}' ELSE jsonb_build_object('failure', d.failure_code) END)
  FROM iu_route_dead_letter AS d WHERE d.id = (p_before).id
$$;
COMMENT ON FUNCTION iu_core.fn_dot_letter_object(iu_core.iu_route_dead_letter) IS 'A dead letter in a plan''s diff';
REVOKE ALL ON FUNCTION iu_core.fn_dot_letter_object(iu_core.iu_route_dead_letter) FROM PUBLIC;

-- requires: fn_iu_token, iu_api_token, iu_core
CREATE OR REPLACE FUNCTION iu_core.dot_iu_issue_token(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_token constant text := 'iut_' || fn_iu_token();
  v_account constant text := p_context ->> 'actor';
  v_expires timestamptz;
  v_wrong text;
  v_id bigint;
BEGIN
  IF NOT p_context ? 'account_id' THEN
    RAISE EXCEPTION 'a token belongs to an account, and % is none', v_account USING ERRCODE = 'IU013', HINT = 'Sign in with an account.';
  ELSIF p_context ->> 'actor_kind' = 'token' THEN
    RAISE EXCEPTION 'a token does not issue tokens' USING ERRCODE = 'IU013', HINT = 'Sign in with the password.';
  END IF;
  BEGIN
    v_expires := (p_params ->> 'expires_at')::timestamptz;
  EXCEPTION WHEN invalid_datetime_format OR datetime_field_overflow OR invalid_time_zone_displacement_value THEN
    RAISE EXCEPTION 'expires_at: "%" is no time', left(p_params ->> 'expires_at', 80) USING ERRCODE = 'IU002', COLUMN = 'expires_at', HINT = 'Write it as 2030-01-31T12:00:00Z.';
  END;
  IF v_expires <= clock_timestamp() OR v_expires > clock_timestamp() + interval '366 days' THEN
    RAISE EXCEPTION 'expires_at: a token lives for a year at most' USING ERRCODE = 'IU002', COLUMN = 'expires_at';
  END IF;
  SELECT s INTO v_wrong FROM jsonb_array_elements_text(p_params -> 'scopes') AS s WHERE s NOT IN ('read', '*') AND NOT EXISTS (SELECT FROM dot_iu_command WHERE command_code = s) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'scopes: "%" is no scope', v_wrong USING ERRCODE = 'IU002', COLUMN = 'scopes', HINT = 'read, a command''s code, or *.';
  END IF;
  INSERT INTO iu_api_token (account_id, label, token_digest, scopes, created_by, expires_at)
  VALUES ((p_context ->> 'account_id')::bigint, p_params ->> 'label', sha256(convert_to(v_token, 'UTF8')), ARRAY(SELECT DISTINCT s FROM jsonb_array_elements_text(p_params -> 'scopes') AS s ORDER BY s), v_account, v_expires)
  RETURNING id INTO v_id;
  RETURN jsonb_build_object(
    'secret', jsonb_build_object('token', v_token),
    'objects', jsonb_build_array(jsonb_build_object('ref', format('token:%s/%s', v_account, p_params ->> 'label'), 'change', 'create', 'after', jsonb_build_object('scopes', p_params -> 'scopes', 'expires_at', v_expires))),
    'refs', jsonb_build_array('account:' || v_account),
    'result', jsonb_build_object('label', p_params -> 'label', 'expires_at', v_expires),
    'notes', jsonb_build_array('The token is shown once, here. It is kept nowhere.'),
    'checks', jsonb_build_array(jsonb_build_object('name', 'token_is_live', 'kind', 'token', 'token', v_id, 'live', true)),
    'inverse', jsonb_build_object('command', 'dot_iu_revoke_token', 'params', jsonb_build_object('token', v_id)));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_issue_token(jsonb, jsonb) IS 'Issues an API token for the account that asks: told once, scoped, expiring';
REVOKE ALL ON FUNCTION iu_core.dot_iu_issue_token(jsonb, jsonb) FROM PUBLIC;

-- requires: dot_config, fn_dot_gate_facts, fn_iu_gate_set, iu_core
CREATE OR REPLACE FUNCTION iu_core.dot_iu_open_gate(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_gate constant text := p_params ->> 'gate';
  v_before jsonb;
  v_expires timestamptz;
BEGIN
  -- Judged on the row that is written: who is closing or opening it at this moment goes first.
  PERFORM FROM dot_config WHERE key = v_gate FOR UPDATE;
  v_before := fn_dot_gate_facts(v_gate);
  BEGIN
    v_expires := (p_params ->> 'expires_at')::timestamptz;
  EXCEPTION WHEN invalid_datetime_format OR datetime_field_overflow OR invalid_time_zone_displacement_value THEN
    RAISE EXCEPTION 'expires_at: "%" is no time', left(p_params ->> 'expires_at', 80) USING ERRCODE = 'IU002', COLUMN = 'expires_at', HINT = 'Write it as 2030-01-31T12:00:00Z.';
  END;
  IF v_before ->> 'state' = 'open' AND v_expires IS NOT DISTINCT FROM (v_before ->> 'expires_at')::timestamptz THEN
    RAISE EXCEPTION 'gate: % is open already', v_gate USING ERRCODE = 'IU016', COLUMN = 'gate';
  -- Who closed it does not open it: the second person. The schema's owner is no person, and could write the row anyway.
  ELSIF v_before ->> 'state' = 'closed' AND v_before ->> 'by' = p_context ->> 'actor' AND p_context ->> 'actor_kind' <> 'owner' THEN
    RAISE EXCEPTION 'gate: % closed it, and who closed a gate does not open it', p_context ->> 'actor' USING ERRCODE = 'IU018', COLUMN = 'gate', HINT = 'Ask another approver.';
  ELSIF v_before ->> 'state' IN ('missing', 'malformed') AND EXISTS (SELECT FROM iu_vocabulary WHERE term_class = 'gate' AND term = v_gate) THEN
    PERFORM fn_iu_gate_repair(v_gate);
  END IF;
  PERFORM fn_iu_gate_set(v_gate, true, coalesce(p_context ->> 'reason', 'a plan'), v_expires);
  -- One that was open already, until another time, is open until that time again.
  RETURN fn_dot_gate_changed(v_gate, v_before, CASE v_before ->> 'state'
      WHEN 'open' THEN jsonb_build_object('command', 'dot_iu_open_gate', 'params', jsonb_strip_nulls(jsonb_build_object('gate', v_gate, 'expires_at', v_before -> 'expires_at')))
      ELSE jsonb_build_object('command', 'dot_iu_close_gate', 'params', jsonb_build_object('gate', v_gate)) END)
    || jsonb_build_object('notes', fn_dot_gate_would_release(v_gate));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_open_gate(jsonb, jsonb) IS 'Opens a gate, until a time where one is given';
REVOKE ALL ON FUNCTION iu_core.dot_iu_open_gate(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_iu_axes_refresh, iu_unit_axis, iu_core
CREATE OR REPLACE FUNCTION iu_core.dot_iu_refresh_metadata_axes(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_ids bigint[];
  v_axes text;
  v_changed integer;
  v_ref text;
BEGIN
  IF (p_params ? 'collection') = (p_params ? 'piece') THEN
    RAISE EXCEPTION 'collection: name a collection or a piece' USING ERRCODE = 'IU002', COLUMN = 'collection';
  ELSIF p_params ? 'piece' THEN
    v_ids := ARRAY[(fn_dot_unit(p_params, 'piece')).id];
    v_ref := 'unit:' || (p_params ->> 'piece');
  ELSE
    v_ids := ARRAY(SELECT unit_id FROM iu_collection_piece WHERE collection_id = (SELECT (fn_dot_collection(p_params)).id) ORDER BY unit_id);
    v_ref := 'collection:' || (p_params ->> 'collection');
  END IF;
  v_axes := (SELECT string_agg(concat_ws(' ', unit_id, axis, value), chr(10) ORDER BY unit_id, axis) FROM iu_unit_axis WHERE unit_id = ANY (v_ids));
  v_changed := fn_iu_axes_refresh(v_ids);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('units', encode(sha256(convert_to((SELECT coalesce(string_agg(u.id || ' ' || u.current_version_seq || ' ' || u.lifecycle_status, ',' ORDER BY u.id), '') FROM information_unit AS u WHERE u.id = ANY (v_ids)), 'UTF8')), 'hex'),
      'axes', encode(sha256(convert_to(coalesce(v_axes, ''), 'UTF8')), 'hex')),
    'objects', CASE WHEN v_changed = 0 THEN '[]' ELSE jsonb_build_array(jsonb_build_object('ref', v_ref, 'change', 'update', 'after', jsonb_build_object('axes_changed', v_changed))) END,
    'refs', jsonb_build_array(v_ref),
    'result', jsonb_build_object('pieces', cardinality(v_ids), 'changed', v_changed),
    'checks', jsonb_build_array(jsonb_build_object('name', 'axes_are_derived', 'kind', 'axes') || (p_params)),
    'irreversible', 'Axes are derived from the text; they follow it at the next refresh.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_refresh_metadata_axes(jsonb, jsonb) IS 'Derives the metadata axes of a collection''s pieces, or of one piece, anew';
REVOKE ALL ON FUNCTION iu_core.dot_iu_refresh_metadata_axes(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_iu_routes_register, iu_core
CREATE OR REPLACE FUNCTION iu_core.dot_iu_register_route(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_code constant text := p_params ->> 'route';
  v_before jsonb;
  v_after jsonb;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('iu_core.route ' || v_code, 0));
  v_before := (SELECT jsonb_build_object('event_type', event_type, 'target_kind', target_kind, 'target_ref', target_ref, 'enabled', enabled, 'dry_run', dry_run) FROM iu_outbound_route WHERE route_code = v_code);
  IF v_code !~ '^[a-z0-9_]+([.][a-z0-9_]+)*$' THEN
    RAISE EXCEPTION 'route: "%" is no code of a route', left(v_code, 80) USING ERRCODE = 'IU002', COLUMN = 'route', HINT = 'Use a-z 0-9 _ joined by dots.';
  ELSIF EXISTS (SELECT FROM iu_event_type WHERE event_type IN (p_params ->> 'event_type', v_before ->> 'event_type') AND is_system) AND v_before IS NOT NULL THEN
    RAISE EXCEPTION 'route: % is one of the system''s', v_code USING ERRCODE = 'IU008', COLUMN = 'route', HINT = 'Choose another code.';
  END IF;
  IF v_before IS NOT NULL AND p_params ? 'enabled' AND p_params -> 'enabled' <> v_before -> 'enabled' THEN
    RAISE EXCEPTION 'enabled: a route that is known keeps its switch' USING ERRCODE = 'IU002', COLUMN = 'enabled', HINT = 'Use dot_iu_enable_route or dot_iu_disable_route.';
  END IF;
  PERFORM fn_iu_routes_register(jsonb_build_object(v_code, jsonb_build_object('event_type', p_params -> 'event_type', 'target_kind', p_params -> 'target_kind', 'target_ref', p_params -> 'target_ref', 'enabled', coalesce(p_params -> 'enabled', 'false'))));
  v_after := (SELECT jsonb_build_object('event_type', event_type, 'target_kind', target_kind, 'target_ref', target_ref, 'enabled', enabled, 'dry_run', dry_run) FROM iu_outbound_route WHERE route_code = v_code);
  IF v_after = v_before THEN
    RAISE EXCEPTION 'route: % is registered like that already', v_code USING ERRCODE = 'IU016', COLUMN = 'route';
  END IF;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('before', v_before),
    'objects', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('ref', 'route:' || v_code, 'change', CASE WHEN v_before IS NULL THEN 'create' ELSE 'update' END, 'before', v_before, 'after', v_after))),
    'result', jsonb_build_object('route', v_code),
    'checks', jsonb_build_array(jsonb_build_object('name', 'route_is_registered', 'kind', 'route', 'route', v_code, 'enabled', v_after -> 'enabled')),
    'inverse', CASE WHEN v_before IS NOT NULL THEN jsonb_build_object('command', 'dot_iu_register_route', 'params', jsonb_build_object('route', v_code) || (v_before - 'enabled' - 'dry_run'))
                    WHEN (v_after -> 'enabled')::boolean THEN jsonb_build_object('command', 'dot_iu_disable_route', 'params', jsonb_build_object('route', v_code)) END,
    'irreversible', CASE WHEN v_before IS NULL AND NOT (v_after -> 'enabled')::boolean THEN 'A route stays registered; disabled, it delivers nothing.' END);
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_register_route(jsonb, jsonb) IS 'Registers a route as a dry run; known under the same code it is redefined, and loses its approval';
REVOKE ALL ON FUNCTION iu_core.dot_iu_register_route(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_iu_collection_seal, iu_core
CREATE OR REPLACE FUNCTION iu_core.dot_iu_render_collection(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_collection constant iu_collection := fn_dot_collection(p_params);
  v_digest constant text := encode(fn_iu_collection_seal(v_collection.id), 'hex');
  v_sealed iu_collection;
BEGIN
  SELECT * INTO STRICT v_sealed FROM iu_collection WHERE id = v_collection.id;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_collection.revision, 'render_revision', v_collection.render_revision, 'render', encode(v_collection.render_digest, 'hex'), 'manifest', encode(v_collection.manifest_digest, 'hex')),
    'objects', jsonb_build_array(jsonb_build_object('ref', 'collection:' || v_sealed.canonical_address, 'change', 'update',
      'before', jsonb_build_object('render_sha256', encode(v_collection.render_digest, 'hex'), 'render_revision', v_collection.render_revision, 'manifest_sha256', encode(v_collection.manifest_digest, 'hex')),
      'after', jsonb_build_object('render_sha256', v_digest, 'render_revision', v_sealed.render_revision, 'manifest_sha256', encode(v_sealed.manifest_digest, 'hex')))),
    'result', jsonb_build_object('sha256', v_digest, 'bytes', v_sealed.byte_length, 'revision', v_sealed.revision, 'manifest_sha256', encode(v_sealed.manifest_digest, 'hex'),
      'equals_source', CASE WHEN v_sealed.source_digest IS NOT NULL THEN v_sealed.render_digest = v_sealed.source_digest END),
    'checks', jsonb_build_array(jsonb_build_object('name', 'rendering_is_its_digest', 'kind', 'rendered', 'collection', v_sealed.canonical_address, 'sha256', v_digest, 'revision', v_sealed.revision)),
    'irreversible', 'Only digests were written; the text is as it was.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_render_collection(jsonb, jsonb) IS 'Renders a collection and keeps the digests of rendering and manifest with the revision';
REVOKE ALL ON FUNCTION iu_core.dot_iu_render_collection(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_iu_route_dead_letter_replay, iu_core
CREATE OR REPLACE FUNCTION iu_core.dot_iu_replay_dead_letter(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_letter iu_route_dead_letter;
  v_replay record;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.route_worker_enabled');
  PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
  v_letter := fn_dot_letter((p_params ->> 'dead_letter')::bigint);
  SELECT * INTO STRICT v_replay FROM fn_iu_route_dead_letter_replay(v_letter.id);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('status', v_letter.status, 'attempt', v_letter.attempt_no),
    'objects', jsonb_build_array(fn_dot_letter_object(v_letter)),
    'refs', jsonb_build_array('event:' || v_letter.event_id),
    'result', jsonb_build_object('status', v_replay.status, 'decision', v_replay.decision, 'attempt_no', v_replay.attempt_no),
    'notes', CASE v_replay.status WHEN 'failed_again' THEN jsonb_build_array('It fails again and stays OPEN; the attempt is on record.') ELSE '[]' END,
    'checks', jsonb_build_array(
      jsonb_build_object('name', 'letter_is_replayed', 'kind', 'dead_letter', 'dead_letter', v_letter.id, 'status', 'replayed'),
      jsonb_build_object('name', 'attempt_is_written', 'kind', 'attempt', 'event', v_letter.event_id, 'route', v_letter.route_id, 'attempt_no', v_replay.attempt_no)),
    'irreversible', 'An attempt is history.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_replay_dead_letter(jsonb, jsonb) IS 'Attempts one dead letter once more';
REVOKE ALL ON FUNCTION iu_core.dot_iu_replay_dead_letter(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_dot_unit_object, iu_core
CREATE OR REPLACE FUNCTION iu_core.dot_iu_revise_piece(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
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
$$;
COMMENT ON FUNCTION iu_core.dot_iu_revise_piece(jsonb, jsonb) IS 'Gives a unit a new version: a new body, or that of an earlier version';
REVOKE ALL ON FUNCTION iu_core.dot_iu_revise_piece(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_dot_account, fn_iu_sessions_end, iu_core
CREATE OR REPLACE FUNCTION iu_core.dot_iu_set_password(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_account iu_account;
  v_own constant boolean := p_params ->> 'account' = p_context ->> 'actor' AND p_context ? 'account_id';
BEGIN
  IF NOT v_own AND p_context ->> 'right' <> 'admin' THEN
    RAISE EXCEPTION 'account: only an admin sets the password of another' USING ERRCODE = 'IU013', COLUMN = 'account';
  END IF;
  v_account := fn_dot_account(p_params ->> 'account');
  IF v_own AND v_account.status <> 'active' THEN
    RAISE EXCEPTION 'the account was disabled meanwhile' USING ERRCODE = 'IU012';
  END IF;
  -- A session left open is not enough to take an account over.
  IF v_own AND 5 <= (SELECT count(*) FROM dot_iu_command_run
                     WHERE command_code = 'dot_iu_set_password' AND actor = v_account.account AND code = 'invalid_parameter' AND receipt ->> 'field' = 'current_password'
                       AND finished_at > clock_timestamp() - interval '15 minutes') THEN
    RAISE EXCEPTION 'current_password: too many wrong ones' USING ERRCODE = 'IU019', COLUMN = 'current_password', HINT = 'Wait a quarter of an hour, or ask an admin to set the password.';
  END IF;
  IF v_own AND (v_account.password_verifier = sha256(decode(p_params ->> 'current_key', 'hex'))) IS NOT TRUE THEN
    RAISE EXCEPTION 'current_password: it is not the present one' USING ERRCODE = 'IU002', COLUMN = 'current_password';
  END IF;
  UPDATE iu_account SET password_salt = decode(p_params ->> 'password_salt', 'hex'), password_verifier = decode(p_params ->> 'password_verifier', 'hex'), password_changed_at = clock_timestamp() WHERE id = v_account.id;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('status', v_account.status, 'changed', v_account.password_changed_at),
    'objects', jsonb_build_array(jsonb_build_object('ref', 'account:' || v_account.account, 'change', 'update', 'before', jsonb_build_object('password', 'the present one'), 'after', jsonb_build_object('password', 'a new one'))),
    'result', jsonb_build_object('sessions_ended', fn_iu_sessions_end(v_account.id, 'password changed')),
    'checks', jsonb_build_array(jsonb_build_object('name', 'account_is_' || v_account.status, 'kind', 'account', 'account', v_account.account, 'status', v_account.status, 'right', v_account.account_right)),
    'irreversible', 'The old password is not kept.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_set_password(jsonb, jsonb) IS 'Sets an account''s password: one''s own with the present one, anybody''s as an admin; its sessions end';
REVOKE ALL ON FUNCTION iu_core.dot_iu_set_password(jsonb, jsonb) FROM PUBLIC;

CREATE FUNCTION iu_core.fn_dot_object_fields(p_object jsonb)
RETURNS text[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT ARRAY(
    SELECT key FROM (SELECT jsonb_object_keys(coalesce(p_object -> 'before', '{}')) UNION SELECT jsonb_object_keys(coalesce(p_object -> 'after', '{}'))) AS known(key)
    WHERE p_object -> 'before' -> key IS DISTINCT FROM p_object -> 'after' -> key)
$$;
COMMENT ON FUNCTION iu_core.fn_dot_object_fields(jsonb) IS 'The fields in which an object of a receipt is not what it was';
REVOKE ALL ON FUNCTION iu_core.fn_dot_object_fields(jsonb) FROM PUBLIC;

-- requires: dot_iu_command_run, fn_dot_object_fields
-- An undo puts back what its run changed, and nobody else's work. A later run is in its way when it changed a field
-- of the same object, or touched an object that the run made. A run and its undoing cancel each other out.
-- Collections count by their own revision, where a command asks for one: others work in them all the time.
CREATE FUNCTION iu_core.fn_dot_run_overtaken(p_run iu_core.dot_iu_command_run)
RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
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
$$;
COMMENT ON FUNCTION iu_core.fn_dot_run_overtaken(iu_core.dot_iu_command_run) IS 'The latest run that stands in the way of undoing this one; null when none does';
REVOKE ALL ON FUNCTION iu_core.fn_dot_run_overtaken(iu_core.dot_iu_command_run) FROM PUBLIC;

-- requires: dot_iu_acting, dot_iu_command, dot_iu_command_run, fn_dot_run_overtaken, iu_core
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

-- requires: iu_core, v_iu_event_backlog, v_iu_held_event
CREATE OR REPLACE FUNCTION iu_core.fn_dot_gate_would_release(p_gate text)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT CASE p_gate
    WHEN 'iu_core.route_worker_enabled' THEN (SELECT jsonb_build_array(CASE WHEN coalesce(sum(pending), 0) = 0 THEN 'No event waits for the worker.' ELSE
        format('%s wait%s for the worker, of %s.', CASE WHEN sum(pending) > 10000 THEN '10,000+ events' WHEN sum(pending) = 1 THEN '1 event' ELSE sum(pending) || ' events' END,
               CASE sum(pending) WHEN 1 THEN 's' ELSE '' END, CASE count(*) WHEN 1 THEN '1 type' ELSE count(*) || ' types' END) END) FROM v_iu_event_backlog)
    WHEN 'iu_core.routes_master_enabled' THEN (SELECT jsonb_build_array(CASE count(*) WHEN 0 THEN 'New events go to their lanes again. No event is held.' ELSE
        format('New events go to their lanes again. %s until released or discarded.', CASE WHEN count(*) > 10000 THEN '10,000+ held events stay held' WHEN count(*) = 1 THEN '1 held event stays held' ELSE count(*) || ' held events stay held' END) END) FROM (SELECT FROM v_iu_held_event LIMIT 10001) AS held)
    ELSE '[]' END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_gate_would_release(text) IS 'What the opening of a gate lets go, in words';
REVOKE ALL ON FUNCTION iu_core.fn_dot_gate_would_release(text) FROM PUBLIC;

-- requires: dot_iu_command, iu_core
CREATE OR REPLACE FUNCTION iu_core.fn_dot_params_kept(p_command iu_core.dot_iu_command, p_params jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT CASE WHEN jsonb_typeof(p_params) <> 'object' THEN jsonb_build_object('not_an_object', jsonb_typeof(p_params)) ELSE (
    SELECT coalesce(jsonb_object_agg(key, CASE
             WHEN key = ANY ((p_command).secret_params) THEN '"(secret)"'::jsonb
             WHEN key = ANY ((p_command).body_params) OR octet_length(value::text) > 8192
               THEN jsonb_build_object('sha256', encode(sha256(convert_to(value #>> '{}', 'UTF8')), 'hex'), 'bytes', octet_length(value #>> '{}'))
             ELSE value END) FILTER (WHERE is_known), '{}')
        -- What the command does not know may be anything, a secret under another name too.
        || CASE WHEN bool_or(NOT is_known) THEN jsonb_build_object('(unknown)', count(*) FILTER (WHERE NOT is_known)) ELSE '{}' END
    FROM (SELECT key, value, (p_command).param_schema -> 'properties' ? key AS is_known FROM jsonb_each(p_params)) AS p) END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_params_kept(iu_core.dot_iu_command, jsonb) IS 'The parameters as the ledger keeps them: no secrets, texts (or whatever is large) as SHA-256 and bytes, and what the command does not know as a number';
REVOKE ALL ON FUNCTION iu_core.fn_dot_params_kept(iu_core.dot_iu_command, jsonb) FROM PUBLIC;

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
    WHEN 'IU017' THEN 'not_reversible' WHEN 'IU018' THEN 'second_person_required' WHEN 'IU019' THEN 'too_many_attempts' END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_refusal_code(text) IS 'The stable code of an SQLSTATE of ours, null for any other; docs/errors.md is the catalogue';
REVOKE ALL ON FUNCTION iu_core.fn_dot_refusal_code(text) FROM PUBLIC;
