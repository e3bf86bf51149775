-- requires: fn_dot_letter_object, fn_iu_route_dead_letter_replay, iu_core
-- The plan freezes the ids: what fails after it is not touched, what was resolved meanwhile says so.
CREATE FUNCTION iu_core.dot_iu_replay_dead_letters(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
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
$$;
COMMENT ON FUNCTION iu_core.dot_iu_replay_dead_letters(jsonb, jsonb) IS 'Attempts the dead letters that a plan froze, each once more';
REVOKE ALL ON FUNCTION iu_core.dot_iu_replay_dead_letters(jsonb, jsonb) FROM PUBLIC;
