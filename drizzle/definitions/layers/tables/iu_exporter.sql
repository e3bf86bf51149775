CREATE TABLE iu_core.iu_exporter (
  id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT iu_exporter_pkey PRIMARY KEY,
  host text NOT NULL,
  folder text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  created_by text NOT NULL DEFAULT ('db:' || session_user),
  CONSTRAINT iu_exporter_place_key UNIQUE (host, folder)
);
COMMENT ON TABLE iu_core.iu_exporter IS 'Folders that rendered collections are exported into';
