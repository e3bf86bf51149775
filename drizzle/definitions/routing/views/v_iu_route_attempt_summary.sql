-- requires: fn_iu_target_told, iu_route_attempt_rollup, iu_outbound_route
CREATE VIEW iu_core.v_iu_route_attempt_summary AS
SELECT coalesce(r.id, t.route_id) AS route_id, coalesce(r.route_code, '(no route)') AS route_code, r.event_type, r.target_kind, iu_core.fn_iu_target_told(r.target_kind COLLATE "default", r.target_ref) AS target_ref, r.enabled, r.dry_run,
       t.status, coalesce(t.attempts, 0) AS attempts, t.last_attempt_at
FROM iu_core.iu_outbound_route AS r
FULL JOIN (
  SELECT route_id, status, sum(attempts)::bigint AS attempts, max(last_attempt_at) AS last_attempt_at
  FROM iu_core.iu_route_attempt_rollup WHERE span_start = '-infinity' GROUP BY route_id, status
) AS t ON t.route_id = r.id;
COMMENT ON VIEW iu_core.v_iu_route_attempt_summary IS 'Attempts per route and outcome over all time; a route without attempts has one row with a null status';
GRANT SELECT ON iu_core.v_iu_route_attempt_summary TO iu_reader;
