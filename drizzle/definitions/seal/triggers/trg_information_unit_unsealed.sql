-- requires: information_unit, fn_dot_history_queue
CREATE TRIGGER trg_information_unit_unsealed
  AFTER INSERT ON iu_core.information_unit
  REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_dot_history_queue();
COMMENT ON TRIGGER trg_information_unit_unsealed ON iu_core.information_unit IS 'New rows are sealed within seconds.';
