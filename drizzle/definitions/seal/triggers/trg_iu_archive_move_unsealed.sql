-- requires: iu_archive_move, fn_dot_history_queue
CREATE TRIGGER trg_iu_archive_move_unsealed
  AFTER INSERT ON iu_core.iu_archive_move
  REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_dot_history_queue();
COMMENT ON TRIGGER trg_iu_archive_move_unsealed ON iu_core.iu_archive_move IS 'New rows are sealed within seconds.';
