-- requires: fn_dot_replay_outcome, fn_dot_letter, fn_dot_letter_object, fn_iu_route_dead_letter_replay, iu_core
CREATE FUNCTION iu_core.dot_iu_replay_dead_letter(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_letter iu_route_dead_letter;
  v_replay record;
  v_route integer;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.route_worker_enabled');
  PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
  v_letter := fn_dot_letter((p_params ->> 'dead_letter')::bigint);
  SELECT * INTO STRICT v_replay FROM fn_iu_route_dead_letter_replay(v_letter.id);
  IF v_replay.status = 'route_disabled' THEN
    RAISE EXCEPTION 'dead_letter: %: its route % is disabled', v_letter.id, coalesce((SELECT route_code FROM iu_outbound_route WHERE id = v_letter.route_id), 'for ' || v_letter.event_type)
      USING ERRCODE = 'IU016', COLUMN = 'dead_letter', HINT = 'Enable the route first.';
  ELSIF v_replay.status = 'no_route' THEN
    RAISE EXCEPTION 'dead_letter: %: no route takes %', v_letter.id, v_letter.event_type
      USING ERRCODE = 'IU016', COLUMN = 'dead_letter', HINT = 'Register a route for the type, or discard the letter.';
  END IF;
  -- An event that no route had taken is attempted on those that take it now.
  SELECT a.route_id INTO STRICT v_route FROM iu_route_attempt AS a JOIN iu_route_dead_letter AS d ON d.id = v_letter.id
  WHERE a.event_id = v_letter.event_id AND a.attempt_no = v_replay.attempt_no AND CASE d.status WHEN 'rerouted' THEN a.route_id > 0 ELSE a.route_id = v_letter.route_id END
  ORDER BY a.route_id LIMIT 1;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('status', v_letter.status, 'attempt', v_letter.attempt_no),
    'objects', jsonb_build_array(fn_dot_letter_object(v_letter)),
    'refs', jsonb_build_array('event:' || v_letter.event_id),
    'result', jsonb_build_object('status', v_replay.status, 'decision', v_replay.decision, 'attempt_no', v_replay.attempt_no),
    'outcome', fn_dot_replay_outcome(jsonb_build_object(v_replay.status, 1)),
    'notes', CASE v_replay.status WHEN 'failed_again' THEN jsonb_build_array('It fails again and stays OPEN; the attempt is on record.') ELSE '[]' END,
    'checks', jsonb_build_array(
      jsonb_build_object('name', 'letter_is_replayed', 'kind', 'dead_letters', 'ids', jsonb_build_array(v_letter.id), 'status', 'replayed'),
      jsonb_build_object('name', 'attempt_is_written', 'kind', 'attempt', 'event', v_letter.event_id, 'route', v_route, 'attempt_no', v_replay.attempt_no)),
    'irreversible', 'An attempt is history.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_replay_dead_letter(jsonb, jsonb) IS 'Attempts one dead letter once more; IU016 when that would do nothing';
REVOKE ALL ON FUNCTION iu_core.dot_iu_replay_dead_letter(jsonb, jsonb) FROM PUBLIC;
