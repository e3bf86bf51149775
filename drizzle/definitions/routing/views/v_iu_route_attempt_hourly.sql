-- requires: iu_route_attempt_rollup, iu_outbound_route
CREATE VIEW iu_core.v_iu_route_attempt_hourly AS
SELECT t.span_start AS hour, t.route_id, coalesce(r.route_code, '(no route)') AS route_code, t.status, sum(t.attempts)::bigint AS attempts, r.event_type
FROM iu_core.iu_route_attempt_rollup AS t LEFT JOIN iu_core.iu_outbound_route AS r ON r.id = t.route_id
WHERE t.span_start > '-infinity'
GROUP BY t.span_start, t.route_id, r.route_code, r.event_type, t.status;
COMMENT ON VIEW iu_core.v_iu_route_attempt_hourly IS 'Attempts per hour, route and outcome; event_type is the route''s, and null for the attempts without a route';
GRANT SELECT ON iu_core.v_iu_route_attempt_hourly TO iu_reader;
