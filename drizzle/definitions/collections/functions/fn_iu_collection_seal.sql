-- requires: iu_collection
CREATE FUNCTION iu_core.fn_iu_collection_seal(p_collection_id bigint)
RETURNS bytea
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_row iu_collection;
  v_rendered bytea;
  v_digest bytea;
  v_manifest bytea;
  v_event bigint;
BEGIN
  -- Locked before it is read: what is rendered is this revision, and two renderings' events are in the order of their digests.
  SELECT * INTO STRICT v_row FROM iu_collection WHERE id = p_collection_id FOR NO KEY UPDATE;
  v_rendered := convert_to(fn_iu_collection_render(p_collection_id), 'UTF8');
  v_digest := sha256(v_rendered);
  v_manifest := sha256(convert_to(fn_iu_collection_manifest_text(p_collection_id), 'UTF8'));
  v_event := (SELECT fn_iu_outbox_append('collection_rendered', 'iu_collection', ARRAY[v_row.canonical_address],
    ARRAY[jsonb_build_object('collection_address', v_row.canonical_address, 'revision', v_row.revision, 'byte_length', octet_length(v_rendered),
                             'render_digest', encode(v_digest, 'hex'), 'manifest_digest', encode(v_manifest, 'hex'))]));
  UPDATE iu_collection
  SET render_digest = v_digest, render_revision = revision, byte_length = octet_length(v_rendered),
      manifest_digest = v_manifest, manifest_revision = revision, rendered_event_id = v_event
  WHERE id = p_collection_id;
  RETURN v_digest;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_collection_seal(bigint) IS 'Renders a collection, keeps the digests of the rendering and of the manifest with the revision, emits collection_rendered and remembers which event that was; returns the rendering''s SHA-256';
REVOKE ALL ON FUNCTION iu_core.fn_iu_collection_seal(bigint) FROM PUBLIC;
