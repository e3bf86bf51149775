-- requires: unit_version, fn_dot_history_queue
CREATE TRIGGER trg_unit_version_unsealed
  AFTER INSERT ON iu_core.unit_version
  REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_dot_history_queue();
COMMENT ON TRIGGER trg_unit_version_unsealed ON iu_core.unit_version IS 'New rows are sealed within seconds.';
