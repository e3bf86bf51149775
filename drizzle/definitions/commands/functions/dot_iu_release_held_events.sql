-- requires: fn_dot_frozen, fn_dot_held, fn_iu_held_release, iu_core, v_iu_held_event
CREATE FUNCTION iu_core.dot_iu_release_held_events(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_ids bigint[];
  v_done bigint[];
BEGIN
  PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
  v_ids := fn_dot_held(p_params, p_context);
  v_done := ARRAY(SELECT fn_iu_held_release(v_ids));
  IF cardinality(v_done) = 0 THEN
    RAISE EXCEPTION 'no held event matches' USING ERRCODE = 'IU016';
  END IF;
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'frozen', fn_dot_frozen(v_ids),
    'objects', (SELECT jsonb_agg(jsonb_build_object('ref', 'event:' || e.id, 'change', 'update', 'before', jsonb_build_object('account', 'held', 'type', e.event_type, 'subject', e.event_subject_ref), 'after', jsonb_build_object('account', 'released', 'type', e.event_type, 'subject', e.event_subject_ref)) ORDER BY e.id)
                FROM event_outbox AS e WHERE e.id = ANY (v_done)),
    'result', jsonb_build_object('released', cardinality(v_done), 'by_type', (SELECT jsonb_object_agg(event_type, n) FROM (SELECT event_type, count(*) AS n FROM event_outbox WHERE id = ANY (v_done) GROUP BY event_type) AS t)),
    'checks', jsonb_build_array(jsonb_build_object('name', 'events_are_released', 'kind', 'held', 'ids', to_jsonb(v_done), 'account', 'released')),
    'irreversible', 'The released events are in the outbox.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_release_held_events(jsonb, jsonb) IS 'Releases held events, in the order of writing; the plan freezes which';
REVOKE ALL ON FUNCTION iu_core.dot_iu_release_held_events(jsonb, jsonb) FROM PUBLIC;
