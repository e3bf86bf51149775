-- requires: unit_version, fn_iu_out_version
CREATE TRIGGER trg_iu_out_version
  AFTER INSERT ON iu_core.unit_version
  REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_out_version();
COMMENT ON TRIGGER trg_iu_out_version ON iu_core.unit_version IS 'Emits iu.version_applied for a version after the first';
