CREATE TABLE iu_core.iu_archive (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT iu_archive_pkey PRIMARY KEY,
  file_name text COLLATE "C" NOT NULL,
  file_digest bytea NOT NULL,
  file_bytes bigint NOT NULL,
  content_digest bytea NOT NULL,
  content_bytes bigint NOT NULL,
  first_id bigint NOT NULL,
  last_id bigint NOT NULL,
  events bigint NOT NULL,
  attempts bigint NOT NULL,
  older_than timestamptz NOT NULL,
  oldest_at timestamptz NOT NULL,
  newest_at timestamptz NOT NULL,
  made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  made_by text NOT NULL DEFAULT ('db:' || session_user),
  CONSTRAINT iu_archive_digest_chk CHECK (octet_length(file_digest) = 32 AND octet_length(content_digest) = 32),
  CONSTRAINT iu_archive_name_chk CHECK (file_name ~ '^[A-Za-z0-9._-]+$' AND octet_length(file_name) <= 200),
  CONSTRAINT iu_archive_events_chk CHECK (events > 0 AND first_id <= last_id)
);
CREATE INDEX iu_archive_range_idx ON iu_core.iu_archive (first_id, last_id);
COMMENT ON TABLE iu_core.iu_archive IS 'Every file of archived events, written down before anything is removed; append-only';
COMMENT ON COLUMN iu_core.iu_archive.file_digest IS 'SHA-256 over the compressed file';
COMMENT ON COLUMN iu_core.iu_archive.content_digest IS 'SHA-256 over what the file holds, taken by the database over its own rows';
