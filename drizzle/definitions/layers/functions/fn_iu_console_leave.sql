-- requires: iu_console_process
CREATE FUNCTION iu_core.fn_iu_console_leave(p_process_id uuid)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ DELETE FROM iu_console_process WHERE process_id = p_process_id $$;
COMMENT ON FUNCTION iu_core.fn_iu_console_leave(uuid) IS 'Takes away the row of a console that ends in order';
REVOKE ALL ON FUNCTION iu_core.fn_iu_console_leave(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_console_leave(uuid) TO iu_console;
