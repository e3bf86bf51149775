-- requires: fn_iu_collection_checkpoint, iu_core
CREATE FUNCTION iu_core.dot_iu_checkpoint_collection(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_collection constant iu_collection := fn_dot_collection(p_params);
  v_checkpoint constant iu_collection_checkpoint := fn_iu_collection_checkpoint(v_collection.id, p_params ->> 'label');
BEGIN
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_collection.revision, 'last', v_checkpoint.checkpoint_no - 1),
    'objects', jsonb_build_array(jsonb_build_object('ref', format('checkpoint:%s#%s', v_collection.canonical_address, v_checkpoint.checkpoint_no), 'change', 'create',
      'after', jsonb_build_object('revision', v_checkpoint.revision, 'pieces', v_checkpoint.piece_count, 'manifest_sha256', encode(v_checkpoint.manifest_digest, 'hex')))),
    'refs', jsonb_build_array('collection:' || v_collection.canonical_address),
    'result', jsonb_build_object('checkpoint', v_checkpoint.checkpoint_no, 'manifest_sha256', encode(v_checkpoint.manifest_digest, 'hex')),
    'checks', jsonb_build_array(jsonb_build_object('name', 'manifest_is_frozen', 'kind', 'checkpoint', 'collection', v_collection.canonical_address, 'checkpoint', v_checkpoint.checkpoint_no, 'sha256', encode(v_checkpoint.manifest_digest, 'hex'))),
    'irreversible', 'A checkpoint is history.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_checkpoint_collection(jsonb, jsonb) IS 'Freezes a collection''s manifest under the next number';
REVOKE ALL ON FUNCTION iu_core.dot_iu_checkpoint_collection(jsonb, jsonb) FROM PUBLIC;
