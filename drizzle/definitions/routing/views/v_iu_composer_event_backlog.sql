-- requires: v_iu_event_backlog
CREATE VIEW iu_core.v_iu_composer_event_backlog AS
SELECT worker_code, event_type, pending, oldest_at FROM iu_core.v_iu_event_backlog WHERE event_domain = 'composer';
COMMENT ON VIEW iu_core.v_iu_composer_event_backlog IS 'The composer''s part of v_iu_event_backlog';
GRANT SELECT ON iu_core.v_iu_composer_event_backlog TO iu_reader;
