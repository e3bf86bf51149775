-- unit: schema

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
  checked_by text NOT NULL DEFAULT session_user,
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

-- requires: iu_backup_evidence
-- Restorable is what was restored, and found whole in every respect: a check that is missing was not passed.
CREATE FUNCTION iu_core.fn_dot_backup_record(p_backup jsonb, p_checks jsonb)
RETURNS TABLE (backup_id bigint, restorable boolean)
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  INSERT INTO iu_backup_evidence (file_name, folder, host, kind, unit_tag, server_version, file_bytes, file_digest, entries, row_count, taken_at, last_event, last_run, checks, restorable)
  SELECT b.file_name, b.folder, b.host, b.kind, b.unit_tag, b.server_version, b.file_bytes, decode(b.file_digest, 'hex'), b.entries, b.row_count, b.taken_at, b.last_event, b.last_run, p_checks,
         (SELECT count(*) FILTER (WHERE c.ok) = 5 AND bool_and(c.ok)
          FROM unnest(ARRAY['restored', 'rows', 'units', 'conformance', 'accounting']) AS wanted(name)
          LEFT JOIN jsonb_to_recordset(p_checks) AS c(name text, ok boolean) USING (name))
  FROM jsonb_to_record(p_backup) AS b(file_name text, folder text, host text, kind text, unit_tag text, server_version text, file_bytes bigint, file_digest text,
                                      entries bigint, row_count bigint, taken_at timestamptz, last_event bigint, last_run bigint)
  RETURNING id, restorable
$$;
COMMENT ON FUNCTION iu_core.fn_dot_backup_record(jsonb, jsonb) IS 'Records a backup and what came of restoring it; for whoever deploys: nobody but the owner may call it';
REVOKE ALL ON FUNCTION iu_core.fn_dot_backup_record(jsonb, jsonb) FROM PUBLIC;

-- requires: dot_iu_command_run, event_outbox, iu_backup_evidence
-- Fresh: nothing has been written since, or it is at most an hour old.
CREATE VIEW iu_core.v_iu_backup_evidence AS
SELECT b.id AS backup_id, b.file_name, b.folder, b.host, b.kind, b.unit_tag, b.server_version, b.file_bytes, encode(b.file_digest, 'hex') AS file_digest, b.entries, b.row_count,
       b.taken_at, b.last_event, b.last_run, b.checks, b.restorable, b.checked_at, b.checked_by, w.written_since,
       NOT w.written_since OR b.taken_at >= clock_timestamp() - interval '1 hour' AS is_fresh
FROM iu_core.iu_backup_evidence AS b
CROSS JOIN LATERAL (
  SELECT EXISTS (SELECT FROM iu_core.event_outbox AS e WHERE e.id > b.last_event) OR EXISTS (SELECT FROM iu_core.dot_iu_command_run AS r WHERE r.id > b.last_run) AS written_since
) AS w;
COMMENT ON VIEW iu_core.v_iu_backup_evidence IS 'Every backup that was tried, whether it can be restored, and whether it is fresh: nothing was written since, or it is at most an hour old';
GRANT SELECT ON iu_core.v_iu_backup_evidence TO iu_reader;

-- requires: iu_backup_evidence, fn_iu_append_only
CREATE TRIGGER trg_iu_backup_evidence_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON iu_core.iu_backup_evidence
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_append_only();
COMMENT ON TRIGGER trg_iu_backup_evidence_append_only ON iu_core.iu_backup_evidence IS 'Evidence stays as it was found';
