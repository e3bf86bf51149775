-- requires: fn_iu_json_unbounded, iu_event_type
-- The schema as text: a program that reads it as JSON may lose what its numbers look like. One that was taken before there was a
-- bound, and cannot be written out, is not; its fault says so.
CREATE VIEW iu_core.v_iu_event_type AS
SELECT event_type, event_domain, delivery_lane, is_system, description, CASE WHEN payload_fault IS NULL OR iu_core.fn_iu_json_unbounded(payload_schema, 65536) IS NULL THEN payload_schema::text ELSE '{}' END AS payload_schema, payload_fault
FROM iu_core.iu_event_type;
COMMENT ON VIEW iu_core.v_iu_event_type IS 'Every event type with the schema that its payload must meet';
GRANT SELECT ON iu_core.v_iu_event_type TO iu_reader;
