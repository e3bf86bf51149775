-- requires: iu_route_worker_cursor
CREATE FUNCTION iu_core.fn_iu_cursor_reset(p_worker_code text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  -- Under the lock of a pass, or one under way would write its own position over this.
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.iu_route_worker_cursor'), lock_no) FROM iu_route_worker_cursor WHERE worker_code = p_worker_code;
  -- Without a system identifier the next pass opens a window over everything, as after a restore.
  UPDATE iu_route_worker_cursor SET system_identifier = NULL WHERE worker_code = p_worker_code;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'worker_code: % has no cursor', p_worker_code USING ERRCODE = 'IU003', COLUMN = 'worker_code';
  END IF;
  -- A route that is new since may be attempted for events that are counted already.
  PERFORM fn_iu_event_audit_restart() WHERE EXISTS (SELECT FROM iu_event_audit);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_cursor_reset(text) IS 'Makes a worker read every event once more; what has been decided is not decided again. IU003 unknown worker';
REVOKE ALL ON FUNCTION iu_core.fn_iu_cursor_reset(text) FROM PUBLIC;
