-- requires: fn_dot_letter_object, fn_dot_letters, fn_dot_frozen, iu_core
CREATE FUNCTION iu_core.dot_iu_discard_dead_letters(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_ids constant bigint[] := fn_dot_letters(p_params, p_context, 10000, false);
  v_letters iu_route_dead_letter[];
  v_done bigint[];
BEGIN
  PERFORM FROM iu_route_dead_letter WHERE id = ANY (v_ids) ORDER BY id FOR UPDATE;
  v_letters := ARRAY(SELECT d FROM iu_route_dead_letter AS d WHERE d.id = ANY (v_ids) AND d.status = 'open' ORDER BY d.id);
  v_done := ARRAY(SELECT (l).id FROM unnest(v_letters) AS l);
  IF cardinality(v_done) = 0 THEN
    RAISE EXCEPTION 'all of them are resolved already' USING ERRCODE = 'IU016';
  END IF;
  UPDATE iu_route_dead_letter SET status = 'discarded', resolved_at = clock_timestamp(), resolved_by = fn_iu_actor() WHERE id = ANY (v_done);
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'frozen', fn_dot_frozen(v_ids),
    'objects', (SELECT jsonb_agg(fn_dot_letter_object(l) ORDER BY (l).id) FROM unnest(v_letters) AS l),
    'result', jsonb_build_object('letters', cardinality(v_ids), 'discarded', cardinality(v_done),
      'sample', (SELECT jsonb_agg(jsonb_build_object('dead_letter', (l).id, 'event', (l).event_id, 'event_type', (l).event_type, 'subject', (l).event_subject_ref, 'because', left((l).failure_detail, 200)) ORDER BY (l).id) FROM unnest(v_letters[:5]) AS l)),
    'checks', jsonb_build_array(jsonb_build_object('name', 'letters_are_discarded', 'kind', 'dead_letters', 'ids', to_jsonb(v_done), 'status', 'discarded')),
    'irreversible', 'What was given up stays given up; the events are in the outbox.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_discard_dead_letters(jsonb, jsonb) IS 'Gives up the dead letters that a plan froze, with a reason';
REVOKE ALL ON FUNCTION iu_core.dot_iu_discard_dead_letters(jsonb, jsonb) FROM PUBLIC;
