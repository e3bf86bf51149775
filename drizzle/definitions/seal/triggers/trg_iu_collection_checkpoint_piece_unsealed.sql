-- requires: iu_collection_checkpoint_piece, fn_dot_history_queue
CREATE TRIGGER trg_iu_collection_checkpoint_piece_unsealed
  AFTER INSERT ON iu_core.iu_collection_checkpoint_piece
  REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_dot_history_queue();
COMMENT ON TRIGGER trg_iu_collection_checkpoint_piece_unsealed ON iu_core.iu_collection_checkpoint_piece IS 'New rows are sealed within seconds.';
