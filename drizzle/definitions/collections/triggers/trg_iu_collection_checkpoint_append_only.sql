-- requires: fn_iu_append_only, iu_collection_checkpoint, iu_core
CREATE TRIGGER trg_iu_collection_checkpoint_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON iu_core.iu_collection_checkpoint
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_append_only();
COMMENT ON TRIGGER trg_iu_collection_checkpoint_append_only ON iu_core.iu_collection_checkpoint IS 'A checkpoint is frozen.';
ALTER TABLE iu_core.iu_collection_checkpoint ENABLE ALWAYS TRIGGER trg_iu_collection_checkpoint_append_only;
