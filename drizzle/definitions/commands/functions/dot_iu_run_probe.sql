-- requires: fn_iu_probe, fn_iu_probe_left, iu_core
-- No gate is asked for: what it does is taken back before it returns, and it is wanted most when all is closed.
CREATE FUNCTION iu_core.dot_iu_run_probe(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_started constant timestamptz := clock_timestamp();
  v_numbered constant text[] := '{event_outbox,iu_route_dead_letter,iu_route_worker_run}';
  v_before jsonb;
  v_drawn jsonb;
  v_scenarios jsonb;
  v_passed integer;
  v_count integer;
BEGIN
  SELECT jsonb_object_agg(t, coalesce(pg_sequence_last_value(format('iu_core.%s_id_seq', t)::regclass), 0)) INTO v_before FROM unnest(v_numbered) AS t;
  SELECT jsonb_agg(jsonb_strip_nulls(to_jsonb(p) || jsonb_build_object('kind', 'probe', 'name', format('%s: %s', scenario, name))) ORDER BY scenario), count(*) FILTER (WHERE status = 'passed'), count(*) INTO v_scenarios, v_passed, v_count FROM fn_iu_probe() AS p;
  SELECT jsonb_object_agg(t, jsonb_build_array(v_before -> t, coalesce(pg_sequence_last_value(format('iu_core.%s_id_seq', t)::regclass), 0))) INTO v_drawn FROM unnest(v_numbered) AS t;
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'result', jsonb_build_object('passed', v_passed, 'scenarios', v_count, 'ms', round(extract(epoch FROM clock_timestamp() - v_started) * 1000, 1)),
    'outcome', jsonb_build_object('code', CASE WHEN v_passed < v_count THEN 'not_passed' END, 'would', format('%s of %s scenarios pass', v_passed, v_count), 'did', format('%s of %s scenarios passed', v_passed, v_count)),
    'notes', (SELECT coalesce(jsonb_agg(format('%s (%s)', s ->> 'name', replace(s ->> 'status', '_', ' ')) ORDER BY n), '[]')
              FROM jsonb_array_elements(v_scenarios) WITH ORDINALITY AS x(s, n) WHERE s ->> 'status' <> 'passed'),
    'checks', v_scenarios || jsonb_build_array(jsonb_build_object('name', 'nothing_is_left', 'kind', 'probe_left', 'drawn', v_drawn)),
    'irreversible', 'Everything it did is taken back already.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_run_probe(jsonb, jsonb) IS 'Runs the eight scenarios, taken back one by one, and returns what each found';
REVOKE ALL ON FUNCTION iu_core.dot_iu_run_probe(jsonb, jsonb) FROM PUBLIC;
