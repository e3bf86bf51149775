-- requires: event_outbox
CREATE VIEW iu_core.v_iu_event_release AS
SELECT id AS event_id, released_from FROM iu_core.event_outbox WHERE released_from IS NOT NULL;
COMMENT ON VIEW iu_core.v_iu_event_release IS 'Which event is the release of which held one';
GRANT SELECT ON iu_core.v_iu_event_release TO iu_reader;
