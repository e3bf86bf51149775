-- requires: iu_collection, information_unit, unit_version
-- position is a fraction, so that moving a piece writes one row whatever the collection's size.
-- The order is deferrable because a set-based reorder passes through duplicate positions.
CREATE TABLE iu_core.iu_collection_piece (
  collection_id bigint NOT NULL CONSTRAINT iu_collection_piece_collection_fkey REFERENCES iu_core.iu_collection (id),
  unit_id bigint NOT NULL CONSTRAINT iu_collection_piece_unit_fkey REFERENCES iu_core.information_unit (id),
  position numeric NOT NULL,
  pinned_version_seq integer,
  separator text,
  CONSTRAINT iu_collection_piece_pkey PRIMARY KEY (collection_id, unit_id),
  CONSTRAINT iu_collection_piece_position_key UNIQUE (collection_id, position) DEFERRABLE INITIALLY IMMEDIATE,
  CONSTRAINT iu_collection_piece_pin_fkey FOREIGN KEY (unit_id, pinned_version_seq) REFERENCES iu_core.unit_version (unit_id, version_seq)
);
CREATE INDEX iu_collection_piece_unit_idx ON iu_core.iu_collection_piece (unit_id);
COMMENT ON TABLE iu_core.iu_collection_piece IS 'Membership: a unit stands in a collection at most once';
COMMENT ON COLUMN iu_core.iu_collection_piece.position IS 'the order; any number, only its rank has a meaning';
COMMENT ON COLUMN iu_core.iu_collection_piece.pinned_version_seq IS 'null follows the unit''s current version';
COMMENT ON COLUMN iu_core.iu_collection_piece.separator IS 'the text after this piece; null takes the collection''s joiner (nothing after the last piece)';
