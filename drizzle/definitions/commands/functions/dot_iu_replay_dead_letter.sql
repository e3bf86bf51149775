-- requires: fn_iu_route_dead_letter_replay, iu_core
CREATE FUNCTION iu_core.dot_iu_replay_dead_letter(p_params jsonb, p_context jsonb)
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
