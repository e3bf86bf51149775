-- requires: fn_iu_event_standing
CREATE VIEW iu_core.v_iu_event_backlog AS
SELECT worker_code, event_domain, event_type, waiting::integer AS pending, oldest_at, is_exact
FROM iu_core.fn_iu_event_standing()
WHERE waiting > 0;
COMMENT ON VIEW iu_core.v_iu_event_backlog IS 'Events not yet routed, by worker and type; where more than 10,000 are not audited these may be the least that wait (is_exact)';
GRANT SELECT ON iu_core.v_iu_event_backlog TO iu_reader;
