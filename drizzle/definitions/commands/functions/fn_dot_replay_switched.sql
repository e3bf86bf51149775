-- requires: iu_core, iu_replay_job
CREATE FUNCTION iu_core.fn_dot_replay_switched(p_job_id bigint, p_is_running boolean)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_status constant text := CASE WHEN p_is_running THEN 'running' ELSE 'stopped' END;
  v_job iu_replay_job;
BEGIN
  -- It waits for the batch under way, and no longer.
  SELECT * INTO v_job FROM iu_replay_job WHERE id = p_job_id FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'replay: there is no %', p_job_id USING ERRCODE = 'IU003', COLUMN = 'replay';
  ELSIF v_job.status IN ('done', v_status) THEN
    RAISE EXCEPTION 'replay: % is % already', p_job_id, v_job.status USING ERRCODE = 'IU016', COLUMN = 'replay';
  END IF;
  UPDATE iu_replay_job
  SET status = v_status, next_at = clock_timestamp(), stopped_at = CASE WHEN NOT p_is_running THEN clock_timestamp() END, stopped_by = CASE WHEN NOT p_is_running THEN fn_iu_actor() END
  WHERE id = p_job_id;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('status', v_job.status),
    'objects', jsonb_build_array(jsonb_build_object('ref', 'replay:' || p_job_id, 'change', 'update', 'before', jsonb_build_object('status', v_job.status), 'after', jsonb_build_object('status', v_status))),
    'result', jsonb_build_object('replay', p_job_id, 'done', v_job.done, 'left', v_job.total - v_job.done),
    'checks', jsonb_build_array(jsonb_build_object('name', CASE WHEN p_is_running THEN 'replay_goes_on' ELSE 'replay_is_stopped' END, 'kind', 'replay', 'replay', p_job_id, 'stopped', NOT p_is_running)),
    'inverse', jsonb_build_object('command', CASE WHEN p_is_running THEN 'dot_iu_stop_replay' ELSE 'dot_iu_resume_replay' END, 'params', jsonb_build_object('replay', p_job_id)));
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_replay_switched(bigint, boolean) IS 'Stops a background replay or lets it go on, and returns what the handlers return; IU003 unknown, IU016 it is so already, or done';
REVOKE ALL ON FUNCTION iu_core.fn_dot_replay_switched(bigint, boolean) FROM PUBLIC;
