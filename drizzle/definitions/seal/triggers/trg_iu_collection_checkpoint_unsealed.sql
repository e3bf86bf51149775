-- requires: iu_collection_checkpoint, fn_dot_history_queue
CREATE TRIGGER trg_iu_collection_checkpoint_unsealed
  AFTER INSERT ON iu_core.iu_collection_checkpoint
  REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_dot_history_queue();
COMMENT ON TRIGGER trg_iu_collection_checkpoint_unsealed ON iu_core.iu_collection_checkpoint IS 'New rows are sealed within seconds.';
