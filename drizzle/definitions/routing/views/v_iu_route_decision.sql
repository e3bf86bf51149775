-- requires: event_outbox, iu_event_type, iu_outbound_route, fn_iu_payload_problems
-- The one place that decides what becomes of an event on a route. A disabled route comes first: its skip says
-- nothing of the payload.
CREATE VIEW iu_core.v_iu_route_decision AS
SELECT e.id AS event_id, coalesce(r.id, 0) AS route_id, r.target_kind, r.target_ref, d.failure_code,
       CASE WHEN d.failure_code IN ('route_disabled', 'no_route') THEN 'skipped'
            WHEN d.failure_code IS NOT NULL THEN 'failed'
            WHEN r.dry_run THEN 'dry_run'
            ELSE 'live' END AS decision,
       CASE WHEN d.failure_code = 'payload_schema' THEN array_to_string(iu_core.fn_iu_payload_problems(e.payload, t.payload_schema), '; ')
            WHEN d.failure_code = 'unknown_event_type' THEN 'the type is not registered' END AS failure_detail
FROM iu_core.event_outbox AS e
LEFT JOIN iu_core.iu_event_type AS t ON t.event_type = e.event_type
CROSS JOIN LATERAL (
  SELECT CASE WHEN t.event_type IS NULL THEN 'unknown_event_type'
              WHEN t.payload_schema = '{}' THEN NULL
              WHEN (e.payload @@ t.payload_predicate) IS NOT TRUE THEN 'payload_schema' END AS fault
  OFFSET 0                            -- judged once an event, not once for each route and each place that reads it
) AS p
LEFT JOIN iu_core.iu_outbound_route AS r ON r.event_type = e.event_type
CROSS JOIN LATERAL (
  SELECT CASE WHEN NOT r.enabled THEN 'route_disabled'
              WHEN p.fault IS NOT NULL THEN p.fault
              WHEN r.id IS NULL THEN 'no_route' END AS failure_code
  OFFSET 0
) AS d;
COMMENT ON VIEW iu_core.v_iu_route_decision IS 'What the worker would decide on each event for each of its routes, now: dry_run, live, failed or skipped, with the code';
