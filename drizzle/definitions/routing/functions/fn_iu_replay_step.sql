-- requires: fn_iu_replay, iu_replay_batch, dot_iu_acting
-- All that a background replay is lies in rows, and a step is one transaction: attempts, letters and progress commit
-- together, so that whoever is killed between two steps, or in one, has lost nothing and doubled nothing. The row of
-- the job is the claim: two processes never work on one job, and a Stop waits for the step under way.
CREATE FUNCTION iu_core.fn_iu_replay_step(p_limit integer DEFAULT 1000)
RETURNS TABLE (status text, job_id bigint, attempted integer, wait_ms integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  v_job iu_replay_job;
  v_batch iu_replay_batch;
  v_from integer;
  v_size integer;
  v_replayed integer;
  v_failed integer;
BEGIN
  attempted := 0;
  IF p_limit IS NULL OR p_limit NOT BETWEEN 1 AND 1000 THEN
    RAISE EXCEPTION 'limit: % is not between 1 and 1000', coalesce(p_limit::text, 'null') USING ERRCODE = 'IU002', COLUMN = 'limit';
  ELSIF NOT EXISTS (SELECT FROM iu_replay_job AS j WHERE j.status = 'running') THEN
    status := 'idle'; RETURN NEXT; RETURN;
  ELSIF NOT (fn_iu_gate_is_open('iu_core.operator_runtime_enabled') AND fn_iu_gate_is_open('iu_core.route_worker_enabled') AND fn_iu_gate_is_open('iu_core.routes_master_enabled')) THEN
    status := 'gate_closed'; RETURN NEXT; RETURN;
  END IF;
  SELECT * INTO v_job FROM iu_replay_job AS j WHERE j.status = 'running' AND j.next_at <= clock_timestamp() ORDER BY j.next_at LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN
    -- Each of them is another process's just now, or has done what it may for the moment.
    status := 'waiting';
    SELECT greatest(1, ceil(extract(epoch FROM min(j.next_at) - clock_timestamp()) * 1000))::integer INTO wait_ms FROM iu_replay_job AS j WHERE j.status = 'running';
    RETURN NEXT; RETURN;
  END IF;
  SELECT * INTO STRICT v_batch FROM iu_replay_batch AS b WHERE b.job_id = v_job.id AND b.batch_no = v_job.done / 1000;
  v_from := v_job.done % 1000 + 1;
  v_size := least(p_limit, coalesce(v_job.per_second, p_limit), cardinality(v_batch.event_ids) - v_from + 1);

  INSERT INTO dot_iu_acting (xid, actor) VALUES (pg_current_xact_id(), v_job.started_by);
  SELECT count(*) FILTER (WHERE worst = 2), count(*) FILTER (WHERE worst = 1) INTO v_failed, v_replayed
  FROM (SELECT max(CASE WHEN r.decision = 'failed' THEN 2 WHEN r.attempt_no IS NOT NULL THEN 1 ELSE 0 END) AS worst
        FROM fn_iu_replay(v_batch.event_ids[v_from : v_from + v_size - 1], v_batch.route_ids[v_from : v_from + v_size - 1], v_job.id) AS r
        GROUP BY r.event_id, r.route_id) AS pairs;
  DELETE FROM dot_iu_acting WHERE xid = pg_current_xact_id();

  UPDATE iu_replay_job AS j
  SET done = j.done + v_size, replayed = j.replayed + v_replayed, failed_again = j.failed_again + v_failed, left_alone = j.left_alone + v_size - v_replayed - v_failed,
      status = CASE WHEN j.done + v_size = j.total THEN 'done' ELSE 'running' END,
      finished_at = CASE WHEN j.done + v_size = j.total THEN clock_timestamp() END,
      last_batch_at = clock_timestamp(),
      next_at = greatest(j.next_at, clock_timestamp() - interval '1 second') + coalesce(make_interval(secs => v_size::double precision / j.per_second), interval '0')
  WHERE j.id = v_job.id;
  status := 'stepped'; job_id := v_job.id; attempted := v_replayed + v_failed; wait_ms := 0;
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_replay_step(integer) IS 'One batch of one background replay, in the caller''s transaction. status: stepped, waiting (come again in wait_ms: every job is being worked on, or may not go faster), idle (no job runs), gate_closed. IU002 bad limit';
REVOKE ALL ON FUNCTION iu_core.fn_iu_replay_step(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_replay_step(integer) TO iu_console, iu_worker;
