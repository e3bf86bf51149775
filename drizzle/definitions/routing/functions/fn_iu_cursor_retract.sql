-- requires: iu_route_worker_cursor
CREATE FUNCTION iu_core.fn_iu_cursor_retract(p_worker_code text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  IF EXISTS (SELECT FROM iu_route_worker_cursor WHERE worker_code = p_worker_code AND events_seen > 0) THEN
    RAISE EXCEPTION 'worker % has routed events', p_worker_code USING ERRCODE = 'IU010', HINT = 'A cursor with history stays.';
  END IF;
  DELETE FROM iu_route_worker_cursor WHERE worker_code = p_worker_code;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_cursor_retract(text) IS 'Removes a cursor, the rollback of its declaration; refuses (IU010) once it has routed events';
REVOKE ALL ON FUNCTION iu_core.fn_iu_cursor_retract(text) FROM PUBLIC;
