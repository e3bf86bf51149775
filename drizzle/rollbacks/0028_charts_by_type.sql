SET LOCAL search_path = pg_catalog, iu_core, pg_temp;
DROP VIEW v_iu_route_attempt_hourly;
CREATE VIEW iu_core.v_iu_route_attempt_hourly AS
 SELECT t.span_start AS hour,
    t.route_id,
    COALESCE(r.route_code, '(no route)'::text) AS route_code,
    t.status,
    (sum(t.attempts))::bigint AS attempts
   FROM (iu_route_attempt_rollup t
     LEFT JOIN iu_outbound_route r ON ((r.id = t.route_id)))
  WHERE (t.span_start > '-infinity'::timestamp with time zone)
  GROUP BY t.span_start, t.route_id, r.route_code, t.status;
ALTER VIEW v_iu_route_attempt_hourly OWNER TO iu_owner;
COMMENT ON VIEW v_iu_route_attempt_hourly IS 'Attempts per hour, route and outcome';
GRANT SELECT ON v_iu_route_attempt_hourly TO iu_reader;
