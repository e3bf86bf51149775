-- requires: iu_worker_process
CREATE FUNCTION iu_core.fn_iu_worker_beat(p_process_id uuid, p_kind text, p_worker_code text, p_host text, p_pid integer, p_status text, p_events_seen bigint, p_fault text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  UPDATE iu_worker_process SET status = p_status, events_seen = p_events_seen, fault = left(p_fault, 500), last_seen_at = clock_timestamp()
  -- A row that is older than the spelling of logins as db:NAME has the bare name.
  WHERE process_id = p_process_id AND run_by IN ('db:' || session_user, session_user);
  IF NOT FOUND THEN
    -- Who comes tidies up after those that did not end in order: a day is long enough to see that they died.
    DELETE FROM iu_worker_process WHERE last_seen_at < clock_timestamp() - interval '1 day';
    INSERT INTO iu_worker_process (process_id, kind, worker_code, host, pid, status, events_seen, fault)
    VALUES (p_process_id, p_kind, p_worker_code, left(p_host, 255), p_pid, p_status, p_events_seen, left(p_fault, 500));
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_worker_beat(uuid, text, text, text, integer, text, bigint, text) IS 'Says that a process that runs passes is alive, how its last pass ended and what keeps the next one from being made; whoever is new removes rows that have been silent for a day';
REVOKE ALL ON FUNCTION iu_core.fn_iu_worker_beat(uuid, text, text, text, integer, text, bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_worker_beat(uuid, text, text, text, integer, text, bigint, text) TO iu_worker;
