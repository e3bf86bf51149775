-- requires: fn_iu_actor, iu_collection, iu_core
CREATE TABLE iu_core.iu_collection_checkpoint (
  collection_id bigint NOT NULL CONSTRAINT iu_collection_checkpoint_collection_fkey REFERENCES iu_core.iu_collection (id),
  checkpoint_no integer NOT NULL,
  label text NOT NULL DEFAULT '',
  revision bigint NOT NULL,
  title text NOT NULL,
  manifest_text text NOT NULL,
  manifest_digest bytea NOT NULL,
  render_digest bytea NOT NULL,
  piece_count integer NOT NULL,
  byte_length bigint NOT NULL,
  source_digest bytea,
  source_byte_length bigint,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  created_by text NOT NULL DEFAULT iu_core.fn_iu_actor(),
  base_id bigint,
  CONSTRAINT iu_collection_checkpoint_pkey PRIMARY KEY (collection_id, checkpoint_no),
  CONSTRAINT iu_collection_checkpoint_no_chk CHECK (checkpoint_no > 0),
  CONSTRAINT iu_collection_checkpoint_digest_chk CHECK (manifest_digest = sha256(convert_to(manifest_text, 'UTF8')))
);
COMMENT ON TABLE iu_core.iu_collection_checkpoint IS 'A manifest frozen under a number, to compare with and to return to';
COMMENT ON COLUMN iu_core.iu_collection_checkpoint.manifest_text IS 'as fn_iu_collection_manifest_text has it; its SHA-256 is the digest, so it can be verified offline';
COMMENT ON COLUMN iu_core.iu_collection_checkpoint.base_id IS 'what the last import before it wrote';
