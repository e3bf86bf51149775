SET LOCAL search_path = pg_catalog, iu_core, pg_temp;
CREATE OR REPLACE FUNCTION iu_core.dot_iu_start_replay(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_what constant text := coalesce(p_params ->> 'what', 'dead_letters');
  v_ids bigint[];
  v_id bigint;
  v_total integer;
  v_result jsonb := '{}';
BEGIN
  PERFORM fn_iu_gate_require('iu_core.route_worker_enabled');
  PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
  IF v_what = 'skipped' AND (p_params ? 'cause' OR p_params ? 'failure_code' OR p_params ? 'event_type') THEN
    RAISE EXCEPTION 'what: skipped events are chosen by route and time' USING ERRCODE = 'IU002', COLUMN = 'what', HINT = 'Leave out cause, failure_code and event_type.';
  END IF;
  v_ids := CASE v_what WHEN 'skipped' THEN fn_dot_skipped(p_params, p_context, 500000) ELSE fn_dot_letters(p_params, p_context, 500000, true) END;
  -- The plan's number is the apply's, unless another was started between them.
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.iu_replay_job'));
  SELECT coalesce(max(id), 0) + 1 INTO v_id FROM iu_replay_job;
  -- From here on no archive takes any of them; what one has taken since the plan is left out.
  SELECT CASE v_what WHEN 'skipped' THEN (SELECT count(*) FROM event_outbox WHERE id = ANY (v_ids)) ELSE (SELECT count(*) FROM iu_route_dead_letter WHERE id = ANY (v_ids) AND status = 'open') END INTO v_total;
  IF v_total = 0 THEN
    RAISE EXCEPTION 'all of them are resolved already' USING ERRCODE = 'IU016';
  END IF;
  INSERT INTO iu_replay_job (id, what, filter, total, per_second, started_by)
  VALUES (v_id, v_what, p_params - 'what' - 'per_second', v_total, (p_params ->> 'per_second')::integer, fn_iu_actor());
  INSERT INTO iu_replay_batch (job_id, batch_no, event_ids, route_ids)
  SELECT v_id, (n - 1) / 1000, array_agg(event_id ORDER BY n), array_agg(route_id ORDER BY n)
  FROM (SELECT p.event_id, p.route_id, row_number() OVER (ORDER BY p.id) AS n
        FROM (SELECT d.id, d.event_id, d.route_id FROM iu_route_dead_letter AS d WHERE v_what = 'dead_letters' AND d.id = ANY (v_ids) AND d.status = 'open'
              UNION ALL
              SELECT e.id, e.id, r.id FROM event_outbox AS e CROSS JOIN iu_outbound_route AS r WHERE v_what = 'skipped' AND e.id = ANY (v_ids) AND r.route_code = p_params ->> 'route') AS p) AS numbered
  GROUP BY (n - 1) / 1000;
  IF NOT p_context ? 'frozen' THEN
    WITH pairs AS MATERIALIZED (
      SELECT p.event_id, p.route_id FROM iu_replay_batch AS b CROSS JOIN LATERAL unnest(b.event_ids, b.route_ids) AS p(event_id, route_id) WHERE b.job_id = v_id
    ), decided AS MATERIALIZED (
      -- Without the words: to tell what is wrong costs more than to see that something is.
      SELECT DISTINCT ON (p.event_id, p.route_id) p.event_id, p.route_id, w.route_id AS to_route_id,
             CASE WHEN w.decision IS NULL THEN 'no_route' WHEN w.decision = 'failed' THEN 'failed_again' WHEN w.decision = 'skipped' THEN w.failure_code ELSE 'replayed' END AS becomes
      FROM pairs AS p LEFT JOIN v_iu_route_decision AS w ON w.event_id = p.event_id AND (w.route_id = p.route_id OR p.route_id = 0)
      ORDER BY p.event_id, p.route_id, w.decision = 'failed' DESC NULLS LAST
    )
    SELECT jsonb_build_object(
      'would_become', (SELECT jsonb_object_agg(becomes, n) FROM (SELECT becomes, count(*) AS n FROM decided GROUP BY becomes) AS c),
      'sample', (SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('event', s.event_id, 'event_type', e.event_type, 'subject', e.event_subject_ref, 'becomes', s.becomes, 'because', left(w.failure_detail, 200))) ORDER BY s.event_id, s.route_id)
                 FROM (SELECT DISTINCT ON (n) * FROM (SELECT d.*, ntile(5) OVER (ORDER BY event_id, route_id) AS n FROM decided AS d) AS t ORDER BY n, event_id, route_id) AS s
                 JOIN event_outbox AS e ON e.id = s.event_id
                 LEFT JOIN v_iu_route_decision AS w ON w.event_id = s.event_id AND w.route_id = s.to_route_id))
    INTO v_result;
    IF v_result -> 'would_become' ?| ARRAY['replayed', 'failed_again'] IS NOT TRUE THEN
      RAISE EXCEPTION 'nothing would be attempted: no route takes them' USING ERRCODE = 'IU016', HINT = 'Register a route for the type, or discard the letters.';
    END IF;
  END IF;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('replay', v_id),
    'frozen', fn_dot_frozen(v_ids),
    'objects', jsonb_build_array(jsonb_build_object('ref', 'replay:' || v_id, 'change', 'create', 'after', jsonb_strip_nulls(jsonb_build_object('status', 'running', 'what', v_what, 'total', v_total, 'per_second', p_params -> 'per_second')))),
    'result', jsonb_build_object('replay', v_id, CASE v_what WHEN 'skipped' THEN 'events' ELSE 'letters' END, v_total) || v_result,
    'notes', CASE WHEN cardinality(v_ids) = 500000 THEN jsonb_build_array('At most 500,000 go into one replay: MORE may match.') ELSE '[]' END,
    'checks', jsonb_build_array(jsonb_build_object('name', 'replay_has_its_set', 'kind', 'replay_set', 'replay', v_id, 'total', v_total)),
    'irreversible', 'Attempts are history. Stop it to keep it from making more.');
END
$function$;
ALTER FUNCTION dot_iu_start_replay(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_start_replay(jsonb,jsonb) IS 'Starts a replay in the background over the dead letters, or the skipped events, that the plan froze';
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
  IF (v_payload @@ v_type.payload_predicate) IS NOT TRUE THEN
    RAISE EXCEPTION 'payload: %', coalesce(nullif(array_to_string(v_problems, '; '), ''), 'it breaks the schema of its type')
      USING ERRCODE = 'IU002', COLUMN = 'payload', HINT = 'This is what the worker would say of it, too.';
  END IF;
  PERFORM FROM iu_route_dead_letter WHERE event_id = v_letter.event_id AND status = 'open' ORDER BY id FOR UPDATE;
  v_letters := ARRAY(SELECT d FROM iu_route_dead_letter AS d WHERE d.event_id = v_letter.event_id AND d.status = 'open' ORDER BY d.id);
  -- A type of lane immediate has a key for each occurrence; this is the one correction of this event.
  v_event := fn_iu_emit_event(v_letter.event_type, v_letter.event_subject_table, v_letter.event_subject_ref, v_payload,
                              CASE WHEN v_type.delivery_lane = 'immediate' THEN 'corrects event ' || v_letter.event_id END);
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
