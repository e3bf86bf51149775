CREATE TABLE iu_core.iu_sync_layer (
  layer_code text COLLATE "C" CONSTRAINT iu_sync_layer_pkey PRIMARY KEY,
  layer_no smallint NOT NULL CONSTRAINT iu_sync_layer_layer_no_key UNIQUE,
  name text NOT NULL,
  description text NOT NULL,
  fed_by text NOT NULL
);
COMMENT ON TABLE iu_core.iu_sync_layer IS 'The layers that hold what this schema holds: what each is, and how it is fed. Whether one is in step is read each time, never stored';
