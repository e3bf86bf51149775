-- requires: fn_iu_target_told, iu_event_type, iu_outbound_route
-- A disabled route comes first: its skip says nothing of the payload, so there is none to judge.
CREATE VIEW iu_core.v_iu_route_rule AS
SELECT t.event_type, coalesce(r.id, 0) AS route_id, r.target_kind, iu_core.fn_iu_target_told(r.target_kind COLLATE "default", r.target_ref) AS target_ref,
       CASE WHEN r.enabled IS NOT FALSE AND t.payload_schema <> '{}' THEN t.payload_predicate END AS payload_predicate, t.payload_schema,
       CASE WHEN r.id IS NULL THEN 'no_route' WHEN NOT r.enabled THEN 'route_disabled' END AS skip_code,
       CASE WHEN r.id IS NULL OR NOT r.enabled THEN 'skipped' WHEN r.dry_run THEN 'dry_run' ELSE 'live' END AS decision,
       t.payload_keys, t.payload_fault
FROM iu_core.iu_event_type AS t
LEFT JOIN iu_core.iu_outbound_route AS r ON r.event_type = t.event_type;
COMMENT ON VIEW iu_core.v_iu_route_rule IS 'What becomes of an event of each type on each of its routes, now: failed where there is a payload_predicate and the payload does not meet it and payload_keys, or where there is a payload_fault beside it, else the decision; an event of no type here fails as unknown_event_type';
