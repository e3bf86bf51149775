-- requires: iu_worker_process
CREATE VIEW iu_core.v_iu_worker_process AS
SELECT process_id, kind, worker_code, host, pid, status, events_seen, run_by, started_at, last_seen_at,
       last_seen_at < clock_timestamp() - interval '20 seconds' AS is_stale, fault
FROM iu_core.iu_worker_process;
COMMENT ON VIEW iu_core.v_iu_worker_process IS 'Processes that run passes; one that has been silent for twenty seconds is stale: it died, or cannot reach the database';
GRANT SELECT ON iu_core.v_iu_worker_process TO iu_reader;
