-- requires: unit_version, fn_iu_append_only
CREATE TRIGGER trg_unit_version_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON iu_core.unit_version
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_append_only();
COMMENT ON TRIGGER trg_unit_version_append_only ON iu_core.unit_version IS 'A version is immutable';
ALTER TABLE iu_core.unit_version ENABLE ALWAYS TRIGGER trg_unit_version_append_only;
