-- requires: iu_event_type
-- The schema as text: a program that reads it as JSON may lose what its numbers look like.
CREATE VIEW iu_core.v_iu_event_type AS
SELECT event_type, event_domain, delivery_lane, is_system, description, payload_schema::text AS payload_schema
FROM iu_core.iu_event_type;
COMMENT ON VIEW iu_core.v_iu_event_type IS 'Every event type with the schema that its payload must meet';
GRANT SELECT ON iu_core.v_iu_event_type TO iu_reader;
