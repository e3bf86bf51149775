-- requires: iu_collection, iu_core
CREATE TABLE iu_core.iu_import_base (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT iu_import_base_pkey PRIMARY KEY,
  collection_id bigint NOT NULL CONSTRAINT iu_import_base_collection_fkey REFERENCES iu_core.iu_collection (id),
  revision bigint NOT NULL,
  unit_ids bigint[] NOT NULL,
  version_seqs integer[] NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT iu_import_base_arrays_chk CHECK (cardinality(unit_ids) = cardinality(version_seqs))
);
COMMENT ON TABLE iu_core.iu_import_base IS 'What an import wrote: the pieces in order, each with its version. What differs from it was done here since';
COMMENT ON COLUMN iu_core.iu_import_base.revision IS 'of the collection, when it was imported';
