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
