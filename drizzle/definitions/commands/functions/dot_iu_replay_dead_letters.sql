-- requires: fn_dot_letter_object, fn_dot_letters, fn_dot_replay_outcome, fn_dot_replayed, fn_iu_replay, iu_core
-- The plan freezes the ids: what fails after it is not touched, what was resolved meanwhile says so.
CREATE FUNCTION iu_core.dot_iu_replay_dead_letters(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_ids bigint[];
  v_letters iu_route_dead_letter[];
  v_result jsonb;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.route_worker_enabled');
  PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
  v_ids := fn_dot_letters(p_params, p_context, 1000, true);
  PERFORM FROM iu_route_dead_letter WHERE id = ANY (v_ids) ORDER BY id FOR UPDATE;
  v_letters := ARRAY(SELECT d FROM iu_route_dead_letter AS d WHERE d.id = ANY (v_ids) AND d.status = 'open' ORDER BY d.id);
  v_result := fn_dot_replayed(ARRAY(SELECT (l).event_id FROM unnest(v_letters) AS l ORDER BY (l).id),
                              ARRAY(SELECT (l).route_id FROM unnest(v_letters) AS l ORDER BY (l).id), cardinality(v_ids));
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'frozen', fn_dot_frozen(v_ids),
    'objects', (SELECT coalesce(jsonb_agg(fn_dot_letter_object(l) ORDER BY (l).id), '[]') FROM unnest(v_letters) AS l),
    'outcome', fn_dot_replay_outcome(v_result -> 'results'),
    'result', jsonb_build_object('letters', cardinality(v_ids)) || v_result,
    'checks', jsonb_build_array(jsonb_build_object('name', 'letters_are_replayed', 'kind', 'dead_letters', 'ids', to_jsonb(v_ids), 'status', 'replayed')),
    'irreversible', 'Attempts are history.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_replay_dead_letters(jsonb, jsonb) IS 'Attempts the dead letters that a plan froze, each once more; IU016 when that would do nothing';
REVOKE ALL ON FUNCTION iu_core.dot_iu_replay_dead_letters(jsonb, jsonb) FROM PUBLIC;
