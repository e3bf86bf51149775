-- requires: event_outbox, fn_dot_letter, fn_dot_letter_object, fn_iu_emit_event, fn_iu_payload_meets, fn_iu_payload_problems, iu_core
-- What was emitted stays as it was. The new event goes to every route of its type, as any event does, so that every
-- open letter of the old one is answered by it.
CREATE FUNCTION iu_core.dot_iu_correct_dead_letter(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
AS $$
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
$$;
COMMENT ON FUNCTION iu_core.dot_iu_correct_dead_letter(jsonb, jsonb) IS 'Emits a new event with another payload in the place of one that failed; the old one stays. IU002 a payload that breaks its schema, IU008 an event of the system';
REVOKE ALL ON FUNCTION iu_core.dot_iu_correct_dead_letter(jsonb, jsonb) FROM PUBLIC;
