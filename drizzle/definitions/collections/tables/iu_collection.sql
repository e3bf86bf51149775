-- requires: fn_iu_is_address
CREATE TABLE iu_core.iu_collection (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT iu_collection_pkey PRIMARY KEY,
  canonical_address text COLLATE "C" NOT NULL CONSTRAINT iu_collection_canonical_address_key UNIQUE,
  collection_kind text COLLATE "C" NOT NULL,
  title text NOT NULL,
  status text COLLATE "C" NOT NULL DEFAULT 'active',
  joiner text NOT NULL DEFAULT '',
  revision bigint NOT NULL DEFAULT 1,
  piece_count integer NOT NULL DEFAULT 0,
  byte_length bigint NOT NULL DEFAULT 0,
  next_piece_no integer NOT NULL DEFAULT 1,
  source_path text COLLATE "C" CONSTRAINT iu_collection_source_path_key UNIQUE,
  source_digest bytea,
  source_byte_length bigint,
  render_digest bytea,
  render_revision bigint,
  manifest_digest bytea,
  manifest_revision bigint,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  created_by text NOT NULL DEFAULT ('db:' || session_user),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  rendered_event_id bigint,
  base_id bigint,
  CONSTRAINT iu_collection_address_chk CHECK (iu_core.fn_iu_is_address(canonical_address)),
  CONSTRAINT iu_collection_status_chk CHECK (status IN ('active', 'deleted')),
  CONSTRAINT iu_collection_source_chk CHECK ((source_path IS NULL) = (source_digest IS NULL) AND (source_path IS NULL) = (source_byte_length IS NULL))
);
COMMENT ON TABLE iu_core.iu_collection IS 'An ordered composition of pieces';
COMMENT ON COLUMN iu_core.iu_collection.joiner IS 'the text between two pieces where the membership gives none of its own';
COMMENT ON COLUMN iu_core.iu_collection.revision IS 'raised by every change of membership, order, or a followed version';
COMMENT ON COLUMN iu_core.iu_collection.byte_length IS 'bytes of the rendered collection';
COMMENT ON COLUMN iu_core.iu_collection.next_piece_no IS 'the number in the next new piece''s address; never used twice';
COMMENT ON COLUMN iu_core.iu_collection.source_digest IS 'SHA-256 of the file as it was last imported';
COMMENT ON COLUMN iu_core.iu_collection.base_id IS 'what the last import wrote (iu_import_base); null where that is not on record';
COMMENT ON COLUMN iu_core.iu_collection.render_digest IS 'SHA-256 of the rendering at render_revision';
COMMENT ON COLUMN iu_core.iu_collection.manifest_digest IS 'SHA-256 of the manifest text at manifest_revision';
COMMENT ON COLUMN iu_core.iu_collection.rendered_event_id IS 'the collection_rendered of the last rendering; null where that was before exports were fed';
