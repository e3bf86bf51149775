-- requires: iu_archive, fn_dot_history_queue
CREATE TRIGGER trg_iu_archive_unsealed
  AFTER INSERT ON iu_core.iu_archive
  REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_dot_history_queue();
COMMENT ON TRIGGER trg_iu_archive_unsealed ON iu_core.iu_archive IS 'New rows are sealed within seconds.';
