-- unit: schema

-- requires: iu_export
-- The digests stay known: what is still there of it is the exporter's own.
CREATE FUNCTION iu_core.fn_iu_export_lose(p_exporter_id integer, p_collection_ids bigint[])
RETURNS integer
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH lost AS (
    UPDATE iu_export
    SET intended = ARRAY(SELECT DISTINCT unnest(intended || ARRAY[render_digest, manifest_digest])),
        event_id = NULL, revision = NULL, render_digest = NULL, manifest_digest = NULL, byte_length = NULL, exported_at = NULL, exported_by = NULL
    WHERE exporter_id = p_exporter_id AND collection_id = ANY (p_collection_ids) AND event_id IS NOT NULL
    RETURNING 1
  )
  SELECT count(*)::integer FROM lost
$$;
COMMENT ON FUNCTION iu_core.fn_iu_export_lose(integer, bigint[]) IS 'Takes off the record what was read back from a folder once and is not there any more as it was: it is pending again. Returns how many';
REVOKE ALL ON FUNCTION iu_core.fn_iu_export_lose(integer, bigint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_export_lose(integer, bigint[]) TO iu_worker;
