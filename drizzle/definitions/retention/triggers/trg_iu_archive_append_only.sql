-- requires: iu_archive, fn_iu_append_only
CREATE TRIGGER trg_iu_archive_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON iu_core.iu_archive
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_append_only();
COMMENT ON TRIGGER trg_iu_archive_append_only ON iu_core.iu_archive IS 'What was archived stays on record';
ALTER TABLE iu_core.iu_archive ENABLE ALWAYS TRIGGER trg_iu_archive_append_only;
