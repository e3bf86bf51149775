-- requires: iu_export
CREATE FUNCTION iu_core.fn_iu_export_record(p_exporter_id integer, p_collection_id bigint, p_event_id bigint, p_revision bigint, p_render_digest bytea, p_manifest_digest bytea, p_byte_length bigint)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_sealed iu_collection;
BEGIN
  SELECT * INTO v_sealed FROM iu_collection WHERE id = p_collection_id FOR KEY SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'collection_id: no collection has the id %', p_collection_id USING ERRCODE = 'IU003', COLUMN = 'collection_id';
  END IF;
  -- A later rendering may have come meanwhile: then this one is recorded, and that one is still to be done.
  IF p_event_id = coalesce(v_sealed.rendered_event_id, 0)
     AND (p_revision, p_render_digest, p_manifest_digest) IS DISTINCT FROM (v_sealed.render_revision, v_sealed.render_digest, v_sealed.manifest_digest) THEN
    RAISE EXCEPTION '%: what was exported is not what was rendered', v_sealed.canonical_address USING ERRCODE = 'IU006', COLUMN = 'render_digest';
  END IF;
  IF p_event_id > coalesce(v_sealed.rendered_event_id, 0) THEN
    RAISE EXCEPTION 'event_id: % has not been rendered by event %', v_sealed.canonical_address, p_event_id USING ERRCODE = 'IU002', COLUMN = 'event_id';
  END IF;
  UPDATE iu_export
  SET intended = '{}', event_id = p_event_id, revision = p_revision, render_digest = p_render_digest, manifest_digest = p_manifest_digest,
      byte_length = p_byte_length, exported_at = clock_timestamp(), exported_by = 'db:' || session_user
  WHERE (exporter_id, collection_id) = (p_exporter_id, p_collection_id);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'exporter_id: exporter % did not say that it would export %', p_exporter_id, v_sealed.canonical_address USING ERRCODE = 'IU003', COLUMN = 'exporter_id';
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_export_record(integer, bigint, bigint, bigint, bytea, bytea, bigint) IS 'Records what was read back from an exporter''s folder. IU002 for an event that was not, IU003 unknown, IU006 where it is not what was rendered';
REVOKE ALL ON FUNCTION iu_core.fn_iu_export_record(integer, bigint, bigint, bigint, bytea, bytea, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_export_record(integer, bigint, bigint, bigint, bytea, bytea, bigint) TO iu_worker;
