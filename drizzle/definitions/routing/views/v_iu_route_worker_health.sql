-- requires: fn_iu_route_workers_health
CREATE VIEW iu_core.v_iu_route_worker_health AS
SELECT h.worker_code COLLATE "C" AS worker_code, h.healthy, h.reasons, h.worker_gate_open, h.master_gate_open, h.delivery_mode, h.blocked_by, h.backlog, h.oldest_unrouted_at,
       h.held_back_since, h.open_dead_letters, h.last_pass_at, h.last_pass_seen, h.locked_since, h.oldest_snapshot_at, h.accounting, h.backlog_is_exact
FROM iu_core.fn_iu_route_workers_health() AS h;
COMMENT ON VIEW iu_core.v_iu_route_worker_health IS 'One row a worker: healthy, or every reason why not';
GRANT SELECT ON iu_core.v_iu_route_worker_health TO iu_reader;
