-- requires: dot_iu_command_run, fn_iu_append_only, iu_core
CREATE TRIGGER trg_dot_iu_command_run_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON iu_core.dot_iu_command_run
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_append_only();
COMMENT ON TRIGGER trg_dot_iu_command_run_append_only ON iu_core.dot_iu_command_run IS 'The ledger is history.';
ALTER TABLE iu_core.dot_iu_command_run ENABLE ALWAYS TRIGGER trg_dot_iu_command_run_append_only;
