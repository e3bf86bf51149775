-- requires: event_outbox, v_iu_route_rule, fn_iu_payload_judged
CREATE VIEW iu_core.v_iu_route_decision AS
SELECT e.id AS event_id, coalesce(r.route_id, 0) AS route_id, r.target_kind, r.target_ref, coalesce(f.fault, r.skip_code) AS failure_code,
       CASE WHEN f.fault IS NULL THEN r.decision ELSE 'failed' END AS decision,
       f.detail AS failure_detail
FROM iu_core.event_outbox AS e
LEFT JOIN iu_core.v_iu_route_rule AS r ON r.event_type = e.event_type
CROSS JOIN LATERAL (
  SELECT CASE WHEN r.event_type IS NULL THEN 'unknown_event_type' ELSE j.fault END AS fault,
         CASE WHEN r.event_type IS NULL THEN 'the type is not registered' ELSE j.detail END AS detail
  FROM iu_core.fn_iu_payload_judged(e.payload, r.payload_schema, r.payload_predicate, r.payload_keys, r.payload_fault) AS j
  OFFSET 0                            -- judged once, not once for each place that reads it
) AS f;
COMMENT ON VIEW iu_core.v_iu_route_decision IS 'What the worker would decide on each event for each of its routes, now: dry_run, live, failed or skipped, with the code';
