-- requires: fn_iu_schema_keys
CREATE TABLE iu_core.iu_event_type (
  event_type text COLLATE "C" CONSTRAINT iu_event_type_pkey PRIMARY KEY,
  event_domain text COLLATE "C" NOT NULL,
  delivery_lane text COLLATE "C" NOT NULL,
  payload_schema jsonb NOT NULL,
  payload_predicate jsonpath NOT NULL,
  is_system boolean NOT NULL,
  description text NOT NULL,
  registered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  registered_by text NOT NULL DEFAULT ('db:' || session_user),
  payload_keys text[] GENERATED ALWAYS AS (iu_core.fn_iu_schema_keys(payload_schema)) STORED,
  payload_fault text,
  CONSTRAINT iu_event_type_name_chk CHECK (event_type ~ '^[a-z0-9_]+([.][a-z0-9_]+)*$' AND octet_length(event_type) <= 128),
  CONSTRAINT iu_event_type_lane_chk CHECK (delivery_lane IN ('immediate', 'delayed'))
);
COMMENT ON TABLE iu_core.iu_event_type IS 'Every type of event that may be emitted, with the schema its payload must meet';
COMMENT ON COLUMN iu_core.iu_event_type.delivery_lane IS 'immediate: deduplicated by the caller''s key; delayed: never deduplicated';
COMMENT ON COLUMN iu_core.iu_event_type.payload_schema IS 'a JSON Schema subset: type, required, properties, additionalProperties, items, enum, const, minimum, maximum, pattern';
COMMENT ON COLUMN iu_core.iu_event_type.payload_predicate IS 'the schema, but for payload_keys, compiled to one jsonpath predicate, so that a batch is checked set-wise';
COMMENT ON COLUMN iu_core.iu_event_type.payload_keys IS 'the only names that a payload may have at its root, where others are forbidden: half as dear to see as within the predicate';
COMMENT ON COLUMN iu_core.iu_event_type.payload_fault IS 'why nothing is judged by the schema: it was registered when more was taken, and stands until the type is registered anew';
COMMENT ON COLUMN iu_core.iu_event_type.is_system IS 'emitted by this schema''s own functions only';
