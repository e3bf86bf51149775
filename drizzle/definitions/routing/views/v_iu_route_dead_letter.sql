-- requires: iu_route_dead_letter, iu_outbound_route, iu_event_type
CREATE VIEW iu_core.v_iu_route_dead_letter AS
SELECT d.id AS dead_letter_id, d.event_id, d.route_id, coalesce(r.route_code, '(no route)') AS route_code, d.attempt_no, d.failure_code, d.failure_detail,
       d.event_domain, d.event_type, d.event_subject_table, d.event_subject_ref, d.payload, d.actor, d.event_created_at, d.created_at,
       d.status, d.resolved_at, d.resolved_by, d.resolved_attempt_no, d.corrected_by_event_id, d.replay_job_id, d.cause, r.enabled AS route_enabled,
       coalesce(t.is_system, false) AS is_system
FROM iu_core.iu_route_dead_letter AS d
LEFT JOIN iu_core.iu_outbound_route AS r ON r.id = d.route_id
LEFT JOIN iu_core.iu_event_type AS t ON t.event_type = d.event_type;
COMMENT ON VIEW iu_core.v_iu_route_dead_letter IS 'Every dead letter, with what became of it';
GRANT SELECT ON iu_core.v_iu_route_dead_letter TO iu_reader;
