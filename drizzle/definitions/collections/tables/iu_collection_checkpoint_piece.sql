-- requires: iu_collection_checkpoint, iu_core, unit_version
CREATE TABLE iu_core.iu_collection_checkpoint_piece (
  collection_id bigint NOT NULL,
  checkpoint_no integer NOT NULL,
  unit_id bigint NOT NULL,
  version_seq integer NOT NULL,
  is_pinned boolean NOT NULL,
  unit_version_seq integer NOT NULL,
  position numeric NOT NULL,
  separator text,
  unit_kind text COLLATE "C" NOT NULL,
  title text NOT NULL,
  parent_unit_id bigint,
  section_level smallint,
  CONSTRAINT iu_collection_checkpoint_piece_pkey PRIMARY KEY (collection_id, checkpoint_no, unit_id),
  CONSTRAINT iu_collection_checkpoint_piece_checkpoint_fkey FOREIGN KEY (collection_id, checkpoint_no) REFERENCES iu_core.iu_collection_checkpoint (collection_id, checkpoint_no),
  CONSTRAINT iu_collection_checkpoint_piece_version_fkey FOREIGN KEY (unit_id, version_seq) REFERENCES iu_core.unit_version (unit_id, version_seq)
);
COMMENT ON TABLE iu_core.iu_collection_checkpoint_piece IS 'The pieces of a checkpoint, with all that a return to it needs';
COMMENT ON COLUMN iu_core.iu_collection_checkpoint_piece.version_seq IS 'the version that the collection showed';
COMMENT ON COLUMN iu_core.iu_collection_checkpoint_piece.unit_version_seq IS 'the unit''s own version then; another one where the piece was pinned';
