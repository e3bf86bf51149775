-- requires: iu_route_worker_cursor, fn_iu_system_identifier
CREATE FUNCTION iu_core.fn_iu_cursor_passed(p_cursor iu_core.iu_route_worker_cursor, p_xid xid8, p_id bigint, p_system_identifier bigint)
RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT CASE
    WHEN p_cursor.system_identifier IS DISTINCT FROM p_system_identifier THEN false
    WHEN pg_snapshot_xmin(p_cursor.snap_from) > pg_snapshot_xmax(pg_current_snapshot()) THEN false
    WHEN pg_visible_in_snapshot(p_xid, p_cursor.snap_from) THEN true
    WHEN p_xid >= pg_snapshot_xmax(p_cursor.snap_from) AND p_id <= p_cursor.floor_id THEN true  -- no window looks below its floor
    WHEN p_xid = p_cursor.own_xid AND p_id <= p_cursor.own_last_id THEN true
    WHEN p_cursor.snap_to IS NULL OR p_id > p_cursor.last_id THEN false
    WHEN p_id <= p_cursor.trusted_id THEN p_xid NOT IN (SELECT pg_snapshot_xip(p_cursor.snap_to))
    ELSE pg_visible_in_snapshot(p_xid, p_cursor.snap_to)
  END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_cursor_passed(iu_core.iu_route_worker_cursor, xid8, bigint, bigint) IS 'Whether a worker claims to be done with an event; accounting holds it against the attempts';
REVOKE ALL ON FUNCTION iu_core.fn_iu_cursor_passed(iu_core.iu_route_worker_cursor, xid8, bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_cursor_passed(iu_core.iu_route_worker_cursor, xid8, bigint, bigint) TO iu_reader;
