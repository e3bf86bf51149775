-- requires: fn_dot_letter, fn_dot_letter_object, iu_core
CREATE FUNCTION iu_core.dot_iu_discard_dead_letter(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_letter constant iu_route_dead_letter := fn_dot_letter((p_params ->> 'dead_letter')::bigint);
BEGIN
  UPDATE iu_route_dead_letter SET status = 'discarded', resolved_at = clock_timestamp(), resolved_by = fn_iu_actor() WHERE id = v_letter.id;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('status', v_letter.status, 'attempt', v_letter.attempt_no),
    'objects', jsonb_build_array(fn_dot_letter_object(v_letter)),
    'refs', jsonb_build_array('event:' || v_letter.event_id),
    'checks', jsonb_build_array(jsonb_build_object('name', 'letter_is_discarded', 'kind', 'dead_letter', 'dead_letter', v_letter.id, 'status', 'discarded')),
    'irreversible', 'What was given up stays given up; the event is in the outbox.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_discard_dead_letter(jsonb, jsonb) IS 'Gives up an open dead letter, with a reason';
REVOKE ALL ON FUNCTION iu_core.dot_iu_discard_dead_letter(jsonb, jsonb) FROM PUBLIC;
