-- requires: iu_event_type
CREATE TABLE iu_core.iu_outbound_route (
  id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT iu_outbound_route_pkey PRIMARY KEY,
  route_code text COLLATE "C" NOT NULL CONSTRAINT iu_outbound_route_code_key UNIQUE,
  event_type text COLLATE "C" NOT NULL CONSTRAINT iu_outbound_route_event_type_fkey REFERENCES iu_core.iu_event_type (event_type),
  target_kind text COLLATE "C" NOT NULL,
  target_ref text NOT NULL,
  enabled boolean NOT NULL DEFAULT false,
  dry_run boolean NOT NULL DEFAULT true,
  definition_digest bytea NOT NULL,
  approval_digest bytea,
  registered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  registered_by text NOT NULL DEFAULT ('db:' || session_user),
  CONSTRAINT iu_outbound_route_id_chk CHECK (id > 0),
  CONSTRAINT iu_outbound_route_code_chk CHECK (route_code ~ '^[a-z0-9_]+([.][a-z0-9_]+)*$' AND octet_length(route_code) <= 128),
  CONSTRAINT iu_outbound_route_safe_chk CHECK (NOT enabled OR dry_run OR (approval_digest IS NOT NULL AND approval_digest = definition_digest))
);
CREATE INDEX iu_outbound_route_event_type_idx ON iu_core.iu_outbound_route (event_type);
COMMENT ON TABLE iu_core.iu_outbound_route IS 'What to do with the events of one type';
COMMENT ON COLUMN iu_core.iu_outbound_route.dry_run IS 'true: the decision is written down and nothing is delivered';
COMMENT ON COLUMN iu_core.iu_outbound_route.definition_digest IS 'SHA-256 over code, event type and target: what an approval approves';
COMMENT ON CONSTRAINT iu_outbound_route_safe_chk ON iu_core.iu_outbound_route IS 'A live route needs an approval of exactly this definition';
