-- requires: iu_route_attempt, event_outbox, iu_outbound_route
CREATE VIEW iu_core.v_iu_route_attempt AS
SELECT a.event_id, a.route_id, coalesce(r.route_code, '(no route)') AS route_code, a.attempt_no, a.status, a.failure_code, a.failure_detail,
       a.event_id || ':' || a.route_id AS idempotency_key,
       e.event_domain, e.event_type, e.event_subject_table, e.event_subject_ref, a.target_kind, a.target_ref, a.worker_code, a.created_at
FROM iu_core.iu_route_attempt AS a
JOIN iu_core.event_outbox AS e ON e.id = a.event_id
LEFT JOIN iu_core.iu_outbound_route AS r ON r.id = a.route_id;
COMMENT ON VIEW iu_core.v_iu_route_attempt IS 'Every attempt with its event; newest first is order by event_id desc, route_id desc, attempt_no desc';
GRANT SELECT ON iu_core.v_iu_route_attempt TO iu_reader;
