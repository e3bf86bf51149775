-- requires: information_unit, fn_iu_out_unit
CREATE TRIGGER trg_iu_out_unit
  AFTER INSERT ON iu_core.information_unit
  REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_out_unit();
COMMENT ON TRIGGER trg_iu_out_unit ON iu_core.information_unit IS 'Emits iu.created';
