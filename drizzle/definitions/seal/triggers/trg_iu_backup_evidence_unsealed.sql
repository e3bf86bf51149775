-- requires: iu_backup_evidence, fn_dot_history_queue
CREATE TRIGGER trg_iu_backup_evidence_unsealed
  AFTER INSERT ON iu_core.iu_backup_evidence
  REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_dot_history_queue();
COMMENT ON TRIGGER trg_iu_backup_evidence_unsealed ON iu_core.iu_backup_evidence IS 'New rows are sealed within seconds.';
