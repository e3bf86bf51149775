-- requires: fn_iu_collection_seal, iu_core
CREATE FUNCTION iu_core.dot_iu_render_collection(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_collection constant iu_collection := fn_dot_collection(p_params);
  v_digest constant text := encode(fn_iu_collection_seal(v_collection.id), 'hex');
  v_sealed iu_collection;
BEGIN
  SELECT * INTO STRICT v_sealed FROM iu_collection WHERE id = v_collection.id;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_collection.revision, 'render_revision', v_collection.render_revision, 'render', encode(v_collection.render_digest, 'hex'), 'manifest', encode(v_collection.manifest_digest, 'hex')),
    'objects', jsonb_build_array(jsonb_build_object('ref', 'collection:' || v_sealed.canonical_address, 'change', 'update',
      'before', jsonb_build_object('render_sha256', encode(v_collection.render_digest, 'hex'), 'render_revision', v_collection.render_revision, 'manifest_sha256', encode(v_collection.manifest_digest, 'hex')),
      'after', jsonb_build_object('render_sha256', v_digest, 'render_revision', v_sealed.render_revision, 'manifest_sha256', encode(v_sealed.manifest_digest, 'hex')))),
    'result', jsonb_build_object('sha256', v_digest, 'bytes', v_sealed.byte_length, 'revision', v_sealed.revision, 'manifest_sha256', encode(v_sealed.manifest_digest, 'hex'),
      'equals_source', CASE WHEN v_sealed.source_digest IS NOT NULL THEN v_sealed.render_digest = v_sealed.source_digest END),
    'checks', jsonb_build_array(jsonb_build_object('name', 'rendering_is_its_digest', 'kind', 'rendered', 'collection', v_sealed.canonical_address, 'sha256', v_digest, 'revision', v_sealed.revision)),
    'irreversible', 'Only digests were written; the text is as it was.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_render_collection(jsonb, jsonb) IS 'Renders a collection and keeps the digests of rendering and manifest with the revision';
REVOKE ALL ON FUNCTION iu_core.dot_iu_render_collection(jsonb, jsonb) FROM PUBLIC;
