-- requires: iu_export
CREATE FUNCTION iu_core.fn_iu_export_forget(p_exporter_id integer)
RETURNS integer
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH forgotten AS (DELETE FROM iu_export WHERE exporter_id = p_exporter_id RETURNING 1), gone AS (DELETE FROM iu_exporter WHERE id = p_exporter_id)
  SELECT count(*)::integer FROM forgotten
$$;
COMMENT ON FUNCTION iu_core.fn_iu_export_forget(integer) IS 'Takes a folder off the record; its files stay. Returns how many collections had been exported into it';
REVOKE ALL ON FUNCTION iu_core.fn_iu_export_forget(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_export_forget(integer) TO iu_worker;
