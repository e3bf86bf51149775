-- requires: iu_route_dead_letter, iu_outbound_route
CREATE VIEW iu_core.v_iu_route_dead_letter_open AS
SELECT d.id AS dead_letter_id, d.event_id, d.route_id, coalesce(r.route_code, '(no route)') AS route_code, d.attempt_no, d.failure_code, d.failure_detail,
       d.event_domain, d.event_type, d.event_subject_table, d.event_subject_ref, d.payload, d.actor, d.event_created_at, d.created_at,
       d.cause, r.enabled AS route_enabled
FROM iu_core.iu_route_dead_letter AS d LEFT JOIN iu_core.iu_outbound_route AS r ON r.id = d.route_id
WHERE d.status = 'open';
COMMENT ON VIEW iu_core.v_iu_route_dead_letter_open IS 'The open dead letters, with the reason and the event as it was';
GRANT SELECT ON iu_core.v_iu_route_dead_letter_open TO iu_reader;
