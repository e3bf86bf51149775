-- requires: iu_worker_schedule
CREATE VIEW iu_core.v_iu_worker_schedule AS
SELECT coalesce(s.enabled, false) AS enabled, coalesce(s.poll_ms, 250) AS poll_ms, coalesce(s.batch_size, 1000) AS batch_size, s.reason, s.changed_by, s.changed_at
FROM (VALUES (1)) AS one(n) LEFT JOIN iu_core.iu_worker_schedule AS s ON true;
COMMENT ON VIEW iu_core.v_iu_worker_schedule IS 'The consoles'' schedule; what it would be where there is no row';
GRANT SELECT ON iu_core.v_iu_worker_schedule TO iu_reader;
