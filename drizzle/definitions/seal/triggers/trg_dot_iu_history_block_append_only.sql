-- requires: dot_iu_history_block, fn_iu_append_only
CREATE TRIGGER trg_dot_iu_history_block_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON iu_core.dot_iu_history_block
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_append_only();
COMMENT ON TRIGGER trg_dot_iu_history_block_append_only ON iu_core.dot_iu_history_block IS 'The chain is history.';
ALTER TABLE iu_core.dot_iu_history_block ENABLE ALWAYS TRIGGER trg_dot_iu_history_block_append_only;
