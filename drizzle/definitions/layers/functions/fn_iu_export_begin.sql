-- requires: iu_exporter
CREATE FUNCTION iu_core.fn_iu_export_begin(p_host text, p_folder text)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_id integer;
BEGIN
  INSERT INTO iu_exporter (host, folder) VALUES (p_host, p_folder) ON CONFLICT (host, folder) DO NOTHING;
  SELECT id INTO STRICT v_id FROM iu_exporter WHERE (host, folder) = (p_host, p_folder);
  -- The session's, so that it is let go whatever becomes of the process; v_iu_exporter sees by it who runs.
  RETURN CASE WHEN pg_try_advisory_lock(hashtext('iu_core export'), v_id) THEN v_id END;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_export_begin(text, text) IS 'Puts a folder on record and holds it for this session; null where another session holds it';
REVOKE ALL ON FUNCTION iu_core.fn_iu_export_begin(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_export_begin(text, text) TO iu_worker;
