-- requires: dot_iu_command_seal, fn_iu_append_only, iu_core
CREATE TRIGGER trg_dot_iu_command_seal_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON iu_core.dot_iu_command_seal
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_append_only();
COMMENT ON TRIGGER trg_dot_iu_command_seal_append_only ON iu_core.dot_iu_command_seal IS 'The chain is history.';
ALTER TABLE iu_core.dot_iu_command_seal ENABLE ALWAYS TRIGGER trg_dot_iu_command_seal_append_only;
