-- requires: iu_route_worker_run
CREATE VIEW iu_core.v_iu_route_worker_run AS
SELECT id AS pass_id, worker_code, started_at, finished_at, seen, attempts_written, skipped, dead_lettered, run_by FROM iu_core.iu_route_worker_run;
COMMENT ON VIEW iu_core.v_iu_route_worker_run IS 'Every pass that saw an event: what it saw and wrote, and who ran it';
GRANT SELECT ON iu_core.v_iu_route_worker_run TO iu_reader;
