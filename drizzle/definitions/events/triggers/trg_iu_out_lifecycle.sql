-- requires: information_unit, fn_iu_out_lifecycle
CREATE TRIGGER trg_iu_out_lifecycle
  AFTER UPDATE ON iu_core.information_unit
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_out_lifecycle();
COMMENT ON TRIGGER trg_iu_out_lifecycle ON iu_core.information_unit IS 'Emits iu.retired and iu.soft_deleted';
