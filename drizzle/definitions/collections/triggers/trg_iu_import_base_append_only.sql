-- requires: fn_iu_append_only, iu_import_base, iu_core
CREATE TRIGGER trg_iu_import_base_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON iu_core.iu_import_base
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_append_only();
COMMENT ON TRIGGER trg_iu_import_base_append_only ON iu_core.iu_import_base IS 'A checkpoint is frozen.';
ALTER TABLE iu_core.iu_import_base ENABLE ALWAYS TRIGGER trg_iu_import_base_append_only;
