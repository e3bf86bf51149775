-- requires: iu_archive_move, fn_iu_append_only
CREATE TRIGGER trg_iu_archive_move_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON iu_core.iu_archive_move
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_append_only();
COMMENT ON TRIGGER trg_iu_archive_move_append_only ON iu_core.iu_archive_move IS 'What was archived stays on record';
ALTER TABLE iu_core.iu_archive_move ENABLE ALWAYS TRIGGER trg_iu_archive_move_append_only;
