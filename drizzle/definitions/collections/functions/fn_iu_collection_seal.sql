CREATE FUNCTION iu_core.fn_iu_collection_seal(p_collection_id bigint)
RETURNS bytea
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_rendered bytea := convert_to(fn_iu_collection_render(p_collection_id), 'UTF8');
  v_digest constant bytea := sha256(v_rendered);
  v_row iu_collection;
BEGIN
  UPDATE iu_collection
  SET render_digest = v_digest, render_revision = revision, byte_length = octet_length(v_rendered),
      manifest_digest = sha256(convert_to(fn_iu_collection_manifest_text(id), 'UTF8')), manifest_revision = revision
  WHERE id = p_collection_id
  RETURNING * INTO STRICT v_row;
  PERFORM fn_iu_outbox_append('collection_rendered', 'iu_collection', ARRAY[v_row.canonical_address],
    ARRAY[jsonb_build_object('collection_address', v_row.canonical_address, 'revision', v_row.revision, 'byte_length', v_row.byte_length,
                             'render_digest', encode(v_digest, 'hex'), 'manifest_digest', encode(v_row.manifest_digest, 'hex'))]);
  RETURN v_digest;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_collection_seal(bigint) IS 'Renders a collection, keeps the digests of the rendering and of the manifest with the revision, emits collection_rendered; returns the rendering''s SHA-256';
REVOKE ALL ON FUNCTION iu_core.fn_iu_collection_seal(bigint) FROM PUBLIC;
