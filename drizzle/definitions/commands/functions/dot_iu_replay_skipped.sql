-- requires: fn_dot_frozen, fn_dot_skipped, fn_dot_replay_outcome, fn_dot_replayed, iu_core
CREATE FUNCTION iu_core.dot_iu_replay_skipped(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_ids constant bigint[] := fn_dot_skipped(p_params, p_context, 10000);
  v_route constant integer := (SELECT id FROM iu_outbound_route WHERE route_code = p_params ->> 'route');
  v_result jsonb;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.route_worker_enabled');
  PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
  v_result := fn_dot_replayed(v_ids, array_fill(v_route, ARRAY[cardinality(v_ids)]), cardinality(v_ids));
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'frozen', fn_dot_frozen(v_ids),
    'objects', (SELECT jsonb_agg(jsonb_build_object('ref', 'event:' || a.event_id, 'change', 'update', 'before', jsonb_build_object('attempt', a.attempt_no - 1, 'outcome', 'skipped'),
                                                    'after', jsonb_build_object('attempt', a.attempt_no, 'outcome', a.status)) ORDER BY a.event_id)
                FROM unnest(v_ids) AS i
                CROSS JOIN LATERAL (SELECT l.* FROM iu_route_attempt AS l WHERE l.event_id = i AND l.route_id = v_route ORDER BY l.attempt_no DESC LIMIT 1) AS a),
    'outcome', fn_dot_replay_outcome(v_result -> 'results'),
    'result', jsonb_build_object('events', cardinality(v_ids)) || v_result,
    'checks', jsonb_build_array(jsonb_build_object('name', 'events_are_attempted', 'kind', 'skipped', 'route', p_params ->> 'route', 'ids', to_jsonb(v_ids))),
    'irreversible', 'Attempts are history.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_replay_skipped(jsonb, jsonb) IS 'Attempts what a route skipped while it was disabled; the plan freezes the events';
REVOKE ALL ON FUNCTION iu_core.dot_iu_replay_skipped(jsonb, jsonb) FROM PUBLIC;
