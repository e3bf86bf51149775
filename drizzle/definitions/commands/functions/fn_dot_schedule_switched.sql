-- requires: fn_iu_actor, fn_iu_lock, iu_worker_schedule, v_iu_worker_schedule
CREATE FUNCTION iu_core.fn_dot_schedule_switched(p_enabled boolean, p_poll_ms integer, p_batch_size integer, p_reason text)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_before jsonb;
  v_after jsonb;
BEGIN
  -- Two who switch it take turns, also while there is no row to lock.
  PERFORM fn_iu_lock('iu_core.iu_worker_schedule');
  SELECT jsonb_build_object('enabled', enabled, 'poll_ms', poll_ms, 'batch_size', batch_size) INTO STRICT v_before FROM v_iu_worker_schedule;
  v_after := v_before || jsonb_strip_nulls(jsonb_build_object('enabled', p_enabled, 'poll_ms', p_poll_ms, 'batch_size', p_batch_size));
  IF v_after = v_before THEN
    RAISE EXCEPTION 'the schedule is % already', CASE WHEN p_enabled THEN 'enabled like that' ELSE 'disabled' END USING ERRCODE = 'IU016';
  END IF;
  INSERT INTO iu_worker_schedule (enabled, poll_ms, batch_size, reason, changed_by)
  VALUES ((v_after -> 'enabled')::boolean, (v_after -> 'poll_ms')::integer, (v_after -> 'batch_size')::integer, p_reason, fn_iu_actor())
  ON CONFLICT (schedule_code) DO UPDATE
  SET enabled = excluded.enabled, poll_ms = excluded.poll_ms, batch_size = excluded.batch_size, reason = excluded.reason, changed_by = excluded.changed_by, changed_at = clock_timestamp();
  RETURN jsonb_build_object(
    'state', v_before,
    'objects', jsonb_build_array(jsonb_build_object('ref', 'schedule:console', 'change', 'update', 'before', v_before, 'after', v_after)),
    'result', v_after,
    'checks', jsonb_build_array(jsonb_build_object('name', CASE WHEN p_enabled THEN 'schedule_is_enabled' ELSE 'schedule_is_disabled' END, 'kind', 'schedule') || v_after),
    'inverse', CASE WHEN (v_before -> 'enabled')::boolean
      THEN jsonb_build_object('command', 'dot_iu_enable_schedule', 'params', v_before - 'enabled')
      ELSE jsonb_build_object('command', 'dot_iu_disable_schedule', 'params', '{}'::jsonb) END);
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_schedule_switched(boolean, integer, integer, text) IS 'Switches the consoles'' schedule, or changes its pace, and returns what the handlers return; IU016 it is so already';
REVOKE ALL ON FUNCTION iu_core.fn_dot_schedule_switched(boolean, integer, integer, text) FROM PUBLIC;
