-- requires: information_unit, iu_collection, iu_core
CREATE TABLE iu_core.iu_collection_piece_parked (
  collection_id bigint NOT NULL CONSTRAINT iu_collection_piece_parked_collection_fkey REFERENCES iu_core.iu_collection (id),
  unit_id bigint NOT NULL CONSTRAINT iu_collection_piece_parked_unit_fkey REFERENCES iu_core.information_unit (id),
  position numeric NOT NULL,
  pinned_version_seq integer,
  separator text,
  CONSTRAINT iu_collection_piece_parked_pkey PRIMARY KEY (unit_id, collection_id)
);
COMMENT ON TABLE iu_core.iu_collection_piece_parked IS 'Where a soft-deleted unit stood, for its restoration';
