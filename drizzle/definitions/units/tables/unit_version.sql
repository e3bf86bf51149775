-- requires: information_unit
-- The digest is checked by the database itself: a row whose digest is not its body's cannot exist.
CREATE TABLE iu_core.unit_version (
  unit_id bigint NOT NULL CONSTRAINT unit_version_unit_id_fkey REFERENCES iu_core.information_unit (id),
  version_seq integer NOT NULL,
  body text NOT NULL,
  content_digest bytea NOT NULL,
  byte_length integer NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  created_by text NOT NULL DEFAULT ('db:' || session_user),
  CONSTRAINT unit_version_pkey PRIMARY KEY (unit_id, version_seq),
  CONSTRAINT unit_version_seq_chk CHECK (version_seq > 0),
  CONSTRAINT unit_version_length_chk CHECK (byte_length = octet_length(body)),
  CONSTRAINT unit_version_digest_chk CHECK (content_digest = sha256(convert_to(body, 'UTF8')))
);
COMMENT ON TABLE iu_core.unit_version IS 'Immutable bodies of a unit; version_seq from 1';
COMMENT ON COLUMN iu_core.unit_version.body IS 'UTF-8 text, kept byte for byte';
COMMENT ON COLUMN iu_core.unit_version.content_digest IS 'SHA-256 over the bytes of the body';
COMMENT ON COLUMN iu_core.unit_version.byte_length IS 'bytes of the body';
