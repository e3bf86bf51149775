SET LOCAL search_path = pg_catalog, iu_core, pg_temp;
SELECT iu_core.fn_iu_refuse_if_history('iu_replay_job', 'iu_replay_batch');
DO $$
BEGIN
  IF EXISTS (SELECT FROM iu_core.iu_route_dead_letter WHERE status IN ('corrected', 'rerouted')) THEN
    RAISE EXCEPTION 'rollback refused: dead letters were corrected or rerouted, which the unit before does not know' USING ERRCODE = 'IU010', TABLE = 'iu_route_dead_letter', HINT = 'Keep the unit.';
  END IF;
END
$$;
DROP VIEW iu_core.v_iu_route_dead_letter_open;
CREATE VIEW iu_core.v_iu_route_dead_letter_open AS
 SELECT d.id AS dead_letter_id,
    d.event_id,
    d.route_id,
    COALESCE(r.route_code, '(no route)'::text) AS route_code,
    d.attempt_no,
    d.failure_code,
    d.failure_detail,
    d.event_domain,
    d.event_type,
    d.event_subject_table,
    d.event_subject_ref,
    d.payload,
    d.actor,
    d.event_created_at,
    d.created_at
   FROM (iu_route_dead_letter d
     LEFT JOIN iu_outbound_route r ON ((r.id = d.route_id)))
  WHERE (d.status = 'open'::text);
ALTER VIEW v_iu_route_dead_letter_open OWNER TO iu_owner;
COMMENT ON VIEW v_iu_route_dead_letter_open IS 'The open dead letters, with the reason and the event as it was';
GRANT SELECT ON v_iu_route_dead_letter_open TO iu_reader;
DROP VIEW iu_core.v_iu_route_dead_letter_cause;
DROP VIEW iu_core.v_iu_route_dead_letter;
DROP VIEW iu_core.v_iu_replay_job;
DROP VIEW iu_core.v_iu_event_release;
DROP FUNCTION iu_core.fn_iu_replay_step(integer);
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
      SELECT jsonb_build_object('others', count(*) FILTER (WHERE status <> c ->> 'status')) INTO v_have FROM iu_route_dead_letter WHERE id IN (SELECT jsonb_array_elements_text(c -> 'ids')::bigint);
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
DROP FUNCTION iu_core.dot_iu_stop_replay(jsonb,jsonb);
DROP FUNCTION iu_core.dot_iu_start_replay(jsonb,jsonb);
DROP FUNCTION iu_core.dot_iu_resume_replay(jsonb,jsonb);
DROP FUNCTION iu_core.fn_dot_replay_switched(bigint,boolean);
DROP FUNCTION iu_core.dot_iu_replay_skipped(jsonb,jsonb);
DROP FUNCTION iu_core.fn_dot_skipped(jsonb,jsonb,integer);
CREATE OR REPLACE FUNCTION iu_core.dot_iu_replay_dead_letters(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_ids bigint[];
  v_letter iu_route_dead_letter;
  v_replay record;
  v_objects jsonb[] := '{}';
  v_counts jsonb;
  v_statuses text[] := '{}';
BEGIN
  PERFORM fn_iu_gate_require('iu_core.route_worker_enabled');
  PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
  v_ids := CASE WHEN p_context ? 'frozen' THEN ARRAY(SELECT jsonb_array_elements_text(p_context -> 'frozen')::bigint) ELSE ARRAY(
    SELECT d.id FROM iu_route_dead_letter AS d LEFT JOIN iu_outbound_route AS r ON r.id = d.route_id
    WHERE d.status = 'open'
      AND (NOT p_params ? 'failure_code' OR d.failure_code = p_params ->> 'failure_code')
      AND (NOT p_params ? 'event_type' OR d.event_type = p_params ->> 'event_type')
      AND (NOT p_params ? 'route' OR r.route_code = p_params ->> 'route')
      AND (NOT p_params ? 'through' OR d.id <= (p_params ->> 'through')::bigint)
    ORDER BY d.id LIMIT coalesce((p_params ->> 'limit')::integer, 1000)) END;
  IF cardinality(v_ids) = 0 THEN
    RAISE EXCEPTION 'no open dead letter matches' USING ERRCODE = 'IU016';
  END IF;
  PERFORM FROM iu_route_dead_letter WHERE id = ANY (v_ids) ORDER BY id FOR UPDATE;
  FOREACH v_letter IN ARRAY ARRAY(SELECT d FROM iu_route_dead_letter AS d WHERE d.id = ANY (v_ids) ORDER BY d.id) LOOP
    IF v_letter.status <> 'open' THEN
      v_statuses := v_statuses || 'already_resolved'::text;
      CONTINUE;
    END IF;
    SELECT * INTO STRICT v_replay FROM fn_iu_route_dead_letter_replay(v_letter.id);
    v_statuses := v_statuses || v_replay.status;
    v_objects := v_objects || fn_dot_letter_object(v_letter);
  END LOOP;
  SELECT jsonb_object_agg(s, n) INTO v_counts FROM (SELECT s, count(*) AS n FROM unnest(v_statuses) AS s GROUP BY s) AS c;
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'frozen', to_jsonb(v_ids),
    'objects', to_jsonb(v_objects),
    'result', jsonb_build_object('letters', cardinality(v_ids), 'results', v_counts,
      'sample', (SELECT jsonb_agg(jsonb_build_object('dead_letter', d.id, 'event', d.event_id, 'event_type', d.event_type, 'subject', d.event_subject_ref, 'failure', d.failure_code) ORDER BY d.id)
                 FROM iu_route_dead_letter AS d WHERE d.id = ANY (v_ids[:5]))),
    'checks', jsonb_build_array(jsonb_build_object('name', 'letters_are_replayed', 'kind', 'dead_letters', 'ids', to_jsonb(v_ids), 'status', 'replayed')),
    'irreversible', 'Attempts are history.');
END
$function$;
ALTER FUNCTION dot_iu_replay_dead_letters(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_replay_dead_letters(jsonb,jsonb) IS 'Attempts the dead letters that a plan froze, each once more';
DROP FUNCTION iu_core.fn_dot_replayed(bigint[],integer[],integer);
CREATE OR REPLACE FUNCTION iu_core.dot_iu_replay_dead_letter(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION dot_iu_replay_dead_letter(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_replay_dead_letter(jsonb,jsonb) IS 'Attempts one dead letter once more';
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_dead_letter_replay(p_dead_letter_id bigint)
 RETURNS TABLE(status text, decision text, attempt_no integer)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  v_letter iu_route_dead_letter;
  v_attempt_no integer;
BEGIN
  IF NOT fn_iu_gate_is_open('iu_core.route_worker_enabled') THEN
    status := 'worker_gate_closed'; RETURN NEXT; RETURN;
  ELSIF NOT fn_iu_gate_is_open('iu_core.routes_master_enabled') THEN
    status := 'master_gate_closed'; RETURN NEXT; RETURN;
  END IF;
  SELECT * INTO v_letter FROM iu_route_dead_letter WHERE id = p_dead_letter_id FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'dead_letter: none has the id %', coalesce(p_dead_letter_id::text, 'null') USING ERRCODE = 'IU003', COLUMN = 'dead_letter_id';
  ELSIF v_letter.status <> 'open' THEN
    status := 'already_resolved'; attempt_no := v_letter.resolved_attempt_no; RETURN NEXT; RETURN;
  END IF;
  SELECT max(a.attempt_no) + 1 INTO v_attempt_no FROM iu_route_attempt AS a WHERE a.event_id = v_letter.event_id AND a.route_id = v_letter.route_id;
  decision := fn_iu_route_attempt_one('replay', v_letter.event_id, v_letter.route_id, v_attempt_no);
  attempt_no := v_attempt_no;
  IF decision IN ('dry_run', 'sent') THEN
    UPDATE iu_route_dead_letter
    SET status = 'replayed', resolved_at = clock_timestamp(), resolved_by = fn_iu_actor(), resolved_attempt_no = v_attempt_no
    WHERE id = p_dead_letter_id;
    status := 'replayed';
  ELSE
    status := 'failed_again';
  END IF;
  RETURN NEXT;
END
$function$;
ALTER FUNCTION fn_iu_route_dead_letter_replay(bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_dead_letter_replay(bigint) IS 'Attempts a dead letter once more under the next attempt number: replayed, failed_again (it stays open), already_resolved, or the closed gate. IU003 unknown id';
GRANT EXECUTE ON FUNCTION fn_iu_route_dead_letter_replay(bigint) TO iu_worker;
DROP FUNCTION iu_core.fn_iu_replay(bigint[],integer[],bigint);
CREATE OR REPLACE FUNCTION iu_core.dot_iu_release_held_events(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_ids bigint[];
  v_done bigint[];
BEGIN
  PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
  -- One decision at a time on what is held: none is released and discarded both.
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.held_events'));
  v_ids := CASE WHEN p_context ? 'frozen' THEN ARRAY(SELECT jsonb_array_elements_text(p_context -> 'frozen')::bigint)
    ELSE ARRAY(SELECT event_id FROM v_iu_held_event
               WHERE (NOT p_params ? 'event_type' OR event_type = p_params ->> 'event_type') AND (NOT p_params ? 'through' OR event_id <= (p_params ->> 'through')::bigint)
               ORDER BY event_id LIMIT coalesce((p_params ->> 'limit')::integer, 10000)) END;
  v_done := ARRAY(SELECT fn_iu_held_release(v_ids));
  IF cardinality(v_done) = 0 THEN
    RAISE EXCEPTION 'no held event matches' USING ERRCODE = 'IU016';
  END IF;
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'frozen', to_jsonb(v_ids),
    'objects', (SELECT jsonb_agg(jsonb_build_object('ref', 'event:' || e.id, 'change', 'update', 'before', jsonb_build_object('lane', 'held', 'type', e.event_type, 'subject', e.event_subject_ref), 'after', jsonb_build_object('account', 'released')) ORDER BY e.id)
                FROM event_outbox AS e WHERE e.id = ANY (v_done)),
    'result', jsonb_build_object('released', cardinality(v_done), 'by_type', (SELECT jsonb_object_agg(event_type, n) FROM (SELECT event_type, count(*) AS n FROM event_outbox WHERE id = ANY (v_done) GROUP BY event_type) AS t)),
    'checks', jsonb_build_array(jsonb_build_object('name', 'events_are_released', 'kind', 'held', 'ids', to_jsonb(v_done), 'account', 'released')),
    'irreversible', 'The released events are in the outbox.');
END
$function$;
ALTER FUNCTION dot_iu_release_held_events(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_release_held_events(jsonb,jsonb) IS 'Releases held events, in the order of writing; the plan freezes which';
CREATE OR REPLACE FUNCTION iu_core.dot_iu_open_gate(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION dot_iu_open_gate(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_open_gate(jsonb,jsonb) IS 'Opens a gate, until a time where one is given';
CREATE OR REPLACE FUNCTION iu_core.dot_iu_discard_held_events(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_ids bigint[];
  v_done bigint[];
BEGIN
  -- One decision at a time on what is held: none is released and discarded both.
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.held_events'));
  v_ids := CASE WHEN p_context ? 'frozen' THEN ARRAY(SELECT jsonb_array_elements_text(p_context -> 'frozen')::bigint)
    ELSE ARRAY(SELECT event_id FROM v_iu_held_event
               WHERE (NOT p_params ? 'event_type' OR event_type = p_params ->> 'event_type') AND (NOT p_params ? 'through' OR event_id <= (p_params ->> 'through')::bigint)
               ORDER BY event_id LIMIT coalesce((p_params ->> 'limit')::integer, 10000)) END;
  WITH decided AS (
    INSERT INTO iu_held_decision (event_id, decision, reason, decided_by)
    SELECT event_id, 'discarded', coalesce(p_context ->> 'reason', 'a plan'), fn_iu_actor() FROM v_iu_held_event WHERE event_id = ANY (v_ids) ORDER BY event_id
    ON CONFLICT DO NOTHING
    RETURNING event_id
  )
  SELECT coalesce(array_agg(event_id), '{}') INTO v_done FROM decided;
  IF cardinality(v_done) = 0 THEN
    RAISE EXCEPTION 'no held event matches' USING ERRCODE = 'IU016';
  END IF;
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'frozen', to_jsonb(v_ids),
    'objects', (SELECT jsonb_agg(jsonb_build_object('ref', 'event:' || e.id, 'change', 'update', 'before', jsonb_build_object('lane', 'held', 'type', e.event_type, 'subject', e.event_subject_ref), 'after', jsonb_build_object('account', 'discarded')) ORDER BY e.id)
                FROM event_outbox AS e WHERE e.id = ANY (v_done)),
    'result', jsonb_build_object('discarded', cardinality(v_done), 'by_type', (SELECT jsonb_object_agg(event_type, n) FROM (SELECT event_type, count(*) AS n FROM event_outbox WHERE id = ANY (v_done) GROUP BY event_type) AS t)),
    'checks', jsonb_build_array(jsonb_build_object('name', 'events_are_discarded', 'kind', 'held', 'ids', to_jsonb(v_done), 'account', 'discarded')),
    'irreversible', 'What was given up stays given up; the events are in the outbox, on lane held.');
END
$function$;
ALTER FUNCTION dot_iu_discard_held_events(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_discard_held_events(jsonb,jsonb) IS 'Gives up held events, with a reason; the plan freezes which';
DROP FUNCTION iu_core.fn_dot_held(jsonb,jsonb);
DROP FUNCTION iu_core.dot_iu_discard_dead_letters(jsonb,jsonb);
DROP FUNCTION iu_core.fn_dot_letters(jsonb,jsonb,integer,boolean);
DROP FUNCTION iu_core.fn_dot_thawed(jsonb);
DROP FUNCTION iu_core.fn_dot_instant(jsonb,text);
DROP FUNCTION iu_core.fn_dot_frozen(bigint[]);
DROP FUNCTION iu_core.dot_iu_correct_dead_letter(jsonb,jsonb);
DROP INDEX iu_core.iu_route_dead_letter_corrected_idx, iu_core.iu_route_dead_letter_event_idx, iu_core.iu_route_dead_letter_cause_idx;
ALTER TABLE iu_core.iu_route_dead_letter
  DROP COLUMN cause, DROP COLUMN replay_job_id, DROP COLUMN corrected_by_event_id,
  DROP CONSTRAINT iu_route_dead_letter_status_chk,
  ADD CONSTRAINT iu_route_dead_letter_status_chk CHECK (status IN ('open', 'replayed', 'discarded'));
COMMENT ON TABLE iu_core.iu_route_dead_letter IS 'A snapshot of an event whose attempt failed, open until replayed or discarded';
COMMENT ON COLUMN iu_core.iu_route_dead_letter.status IS NULL;
DROP FUNCTION iu_core.fn_iu_dead_letter_cause(text,integer,text,text);
DROP FUNCTION iu_core.fn_iu_failure_kind(text);
DROP INDEX iu_core.iu_route_attempt_disabled_idx;
DROP TABLE iu_core.iu_replay_batch;
DROP TABLE iu_core.iu_replay_job;
