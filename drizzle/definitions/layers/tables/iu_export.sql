-- requires: iu_exporter, iu_collection
CREATE TABLE iu_core.iu_export (
  exporter_id integer NOT NULL CONSTRAINT iu_export_exporter_fkey REFERENCES iu_core.iu_exporter,
  collection_id bigint NOT NULL CONSTRAINT iu_export_collection_fkey REFERENCES iu_core.iu_collection,
  intended bytea[] NOT NULL DEFAULT '{}',
  event_id bigint,
  revision bigint,
  render_digest bytea,
  manifest_digest bytea,
  byte_length bigint,
  exported_at timestamptz,
  exported_by text,
  CONSTRAINT iu_export_pkey PRIMARY KEY (exporter_id, collection_id),
  CONSTRAINT iu_export_whole_chk CHECK (num_nonnulls(event_id, revision, render_digest, manifest_digest, byte_length, exported_at, exported_by) IN (0, 7))
);
COMMENT ON TABLE iu_core.iu_export IS 'How far an exporter is with each collection: the rendering that was read back from its folder';
COMMENT ON COLUMN iu_core.iu_export.intended IS 'digests of files that were about to be put in place since the last record: after a crash they are known to be its own';
COMMENT ON COLUMN iu_core.iu_export.event_id IS 'the collection_rendered that was carried out; 0 for a rendering of before there were exports';
