-- requires: iu_core
CREATE TABLE iu_core.dot_inventory (
  class text COLLATE "C" NOT NULL,
  identity text COLLATE "C" NOT NULL,
  definition text,
  facts text,
  digest bytea,
  switched jsonb,
  switched_after_run bigint NOT NULL DEFAULT 0,
  server_major integer NOT NULL,
  registered_by_unit text COLLATE "C",
  registered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  registered_by text NOT NULL DEFAULT ('db:' || session_user),
  CONSTRAINT dot_inventory_pkey PRIMARY KEY (class, identity),
  CONSTRAINT dot_inventory_known_chk CHECK ((definition IS NULL) = (digest IS NULL) AND (definition IS NULL) = (facts IS NULL))
);
COMMENT ON TABLE iu_core.dot_inventory IS 'What was deployed: every object of the schema as the unit, or the command, that made it left it; the live catalogue is held against it';
COMMENT ON COLUMN iu_core.dot_inventory.definition IS 'as fn_dot_catalogue() spells it; null: not known, until a deploy has built the units beside the database';
COMMENT ON COLUMN iu_core.dot_inventory.digest IS 'SHA-256 over the definition';
COMMENT ON COLUMN iu_core.dot_inventory.switched IS 'the switches that stand in no definition, as they were made (fn_dot_state)';
COMMENT ON COLUMN iu_core.dot_inventory.switched_after_run IS 'a run of the ledger with a higher id may have switched it since';
COMMENT ON COLUMN iu_core.dot_inventory.server_major IS 'the PostgreSQL that spelled the definition: another may spell it otherwise';
COMMENT ON COLUMN iu_core.dot_inventory.registered_by_unit IS 'the unit; null: a command';
