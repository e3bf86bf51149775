-- requires: fn_iu_event_pending
CREATE VIEW iu_core.v_iu_event_backlog AS
SELECT worker_code, event_domain, event_type, count(*)::integer AS pending, min(created_at) AS oldest_at
FROM iu_core.fn_iu_event_pending(10001)
GROUP BY worker_code, event_domain, event_type;
COMMENT ON VIEW iu_core.v_iu_event_backlog IS 'Events not yet routed, by type; counted up to 10001 per worker';
GRANT SELECT ON iu_core.v_iu_event_backlog TO iu_reader;
