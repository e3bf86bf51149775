-- requires: iu_export
CREATE FUNCTION iu_core.fn_iu_export_intend(p_exporter_id integer, p_collection_id bigint, p_digests bytea[])
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  INSERT INTO iu_export AS e (exporter_id, collection_id, intended) VALUES (p_exporter_id, p_collection_id, p_digests)
  ON CONFLICT (exporter_id, collection_id) DO UPDATE SET intended = ARRAY(SELECT DISTINCT unnest(e.intended || excluded.intended))
$$;
COMMENT ON FUNCTION iu_core.fn_iu_export_intend(integer, bigint, bytea[]) IS 'Says which files an exporter is about to put in place, so that it knows them for its own after a crash';
REVOKE ALL ON FUNCTION iu_core.fn_iu_export_intend(integer, bigint, bytea[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_export_intend(integer, bigint, bytea[]) TO iu_worker;
