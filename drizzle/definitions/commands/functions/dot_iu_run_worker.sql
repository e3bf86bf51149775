-- requires: fn_iu_route_worker_run, iu_core
CREATE FUNCTION iu_core.dot_iu_run_worker(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_worker constant text := coalesce(p_params ->> 'worker', 'iu_outbound_default');
  v_most constant integer := coalesce((p_params ->> 'passes')::integer, 10);
  v_batch constant integer := coalesce((p_params ->> 'batch_size')::integer, 1000);
  v_pass record;
  v_passes integer := 0;
  v_seen integer := 0;
  v_attempts integer := 0;
  v_skipped integer := 0;
  v_dead integer := 0;
  v_first bigint;
BEGIN
  SELECT coalesce(max(id), 0) INTO v_first FROM iu_route_worker_run;
  LOOP
    SELECT * INTO STRICT v_pass FROM fn_iu_route_worker_run(v_worker, v_batch);
    IF v_pass.status = 'busy' THEN
      RAISE EXCEPTION 'worker %: another process has its cursor', v_worker USING ERRCODE = 'IU016', COLUMN = 'worker', HINT = 'It is routing already.';
    ELSIF v_pass.status = 'worker_gate_closed' THEN
      PERFORM fn_iu_gate_require('iu_core.route_worker_enabled');
    ELSIF v_pass.status = 'master_gate_closed' THEN
      PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
    END IF;
    EXIT WHEN v_pass.status <> 'routed';
    v_passes := v_passes + 1; v_seen := v_seen + v_pass.seen; v_attempts := v_attempts + v_pass.attempts_written;
    v_skipped := v_skipped + v_pass.skipped; v_dead := v_dead + v_pass.dead_lettered;
    EXIT WHEN v_passes >= v_most;
  END LOOP;
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'objects', CASE WHEN v_seen = 0 THEN '[]' ELSE jsonb_build_array(jsonb_build_object('ref', 'worker:' || v_worker, 'change', 'update', 'after', jsonb_build_object('events', v_seen, 'attempts', v_attempts))) END,
    'refs', jsonb_build_array('worker:' || v_worker),
    'result', jsonb_build_object('status', v_pass.status, 'passes', v_passes, 'seen', v_seen, 'attempts_written', v_attempts, 'skipped', v_skipped, 'dead_lettered', v_dead),
    'outcome', jsonb_build_object('code', CASE WHEN v_seen = 0 THEN 'nothing_waited' WHEN v_pass.status = 'routed' THEN 'more_waits' END,
      'would', format('%s %s would be routed, %s dead-lettered', v_seen, CASE v_seen WHEN 1 THEN 'event' ELSE 'events' END, v_dead),
      'did', format('%s %s routed, %s dead-lettered', v_seen, CASE v_seen WHEN 1 THEN 'event' ELSE 'events' END, v_dead)),
    'notes', CASE WHEN v_pass.status = 'routed' THEN jsonb_build_array('More is waiting.') ELSE '[]' END,
    'checks', jsonb_build_array(jsonb_build_object('name', 'passes_are_on_record', 'kind', 'worker_runs', 'worker', v_worker, 'after', v_first, 'passes', v_passes, 'seen', v_seen)),
    'irreversible', 'Attempts are history.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_run_worker(jsonb, jsonb) IS 'Routes what waits: passes of one worker until it is idle, or as many as are allowed';
REVOKE ALL ON FUNCTION iu_core.dot_iu_run_worker(jsonb, jsonb) FROM PUBLIC;
