-- requires: iu_backup_evidence, fn_iu_append_only
CREATE TRIGGER trg_iu_backup_evidence_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON iu_core.iu_backup_evidence
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_append_only();
COMMENT ON TRIGGER trg_iu_backup_evidence_append_only ON iu_core.iu_backup_evidence IS 'Evidence stays as it was found';
ALTER TABLE iu_core.iu_backup_evidence ENABLE ALWAYS TRIGGER trg_iu_backup_evidence_append_only;
