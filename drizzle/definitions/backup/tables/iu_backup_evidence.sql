-- requires: iu_core
CREATE TABLE iu_core.iu_backup_evidence (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT iu_backup_evidence_pkey PRIMARY KEY,
  file_name text COLLATE "C" NOT NULL,
  folder text NOT NULL,
  host text NOT NULL,
  kind text COLLATE "C" NOT NULL,
  unit_tag text COLLATE "C" NOT NULL,
  server_version text COLLATE "C" NOT NULL,
  file_bytes bigint NOT NULL,
  file_digest bytea NOT NULL,
  entries bigint NOT NULL,
  row_count bigint NOT NULL,
  taken_at timestamptz NOT NULL,
  last_event bigint NOT NULL,
  last_run bigint NOT NULL,
  checks jsonb NOT NULL,
  restorable boolean NOT NULL,
  checked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  checked_by text NOT NULL DEFAULT ('db:' || session_user),
  CONSTRAINT iu_backup_evidence_kind_chk CHECK (kind IN ('pg_dump', 'copy')),
  CONSTRAINT iu_backup_evidence_digest_chk CHECK (octet_length(file_digest) = 32),
  CONSTRAINT iu_backup_evidence_size_chk CHECK (file_bytes > 0 AND entries > 0 AND row_count >= 0)
);
COMMENT ON TABLE iu_core.iu_backup_evidence IS 'Every backup that was tried: what the file is, and what came of restoring it; append-only';
COMMENT ON COLUMN iu_core.iu_backup_evidence.file_digest IS 'SHA-256 over the whole file';
COMMENT ON COLUMN iu_core.iu_backup_evidence.entries IS 'what it holds: entries in the table of contents of pg_dump, or tables and sequences of a copy';
COMMENT ON COLUMN iu_core.iu_backup_evidence.row_count IS 'rows in its tables';
COMMENT ON COLUMN iu_core.iu_backup_evidence.taken_at IS 'the time of its snapshot';
COMMENT ON COLUMN iu_core.iu_backup_evidence.last_event IS 'the newest event in it; 0 = none';
COMMENT ON COLUMN iu_core.iu_backup_evidence.last_run IS 'the newest run of the ledger in it; 0 = none';
COMMENT ON COLUMN iu_core.iu_backup_evidence.checks IS 'what was looked at in the restored database: name, ok, detail';
