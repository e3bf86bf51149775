-- requires: iu_worker_process
CREATE FUNCTION iu_core.fn_iu_worker_leave(p_process_id uuid)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ DELETE FROM iu_worker_process WHERE process_id = p_process_id AND run_by IN ('db:' || session_user, session_user) $$;
COMMENT ON FUNCTION iu_core.fn_iu_worker_leave(uuid) IS 'Takes away the row of a process that ends in order';
REVOKE ALL ON FUNCTION iu_core.fn_iu_worker_leave(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_worker_leave(uuid) TO iu_worker;
