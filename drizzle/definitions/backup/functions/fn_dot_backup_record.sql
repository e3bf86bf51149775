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
