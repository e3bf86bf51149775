-- requires: fn_iu_route_batch, iu_route_worker_cursor
-- A batch as the worker routes it, with a cursor that stands in no table: its window is empty but for the caller's
-- own events after p_after. So neither the live worker's lock is taken nor anybody else's event routed.
CREATE FUNCTION iu_core.fn_iu_probe_pass(p_after bigint, OUT seen integer, OUT attempts_written integer, OUT dead_lettered integer, OUT last_id bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_cursor iu_route_worker_cursor;
  v_page record;
BEGIN
  v_cursor.worker_code := 'iu_probe';
  v_cursor.bucket_from := 0; v_cursor.bucket_to := 15;
  v_cursor.system_identifier := fn_iu_system_identifier();
  v_cursor.snap_from := pg_current_snapshot(); v_cursor.snap_to := v_cursor.snap_from;
  -- Above every id there is: the two other parts of the window have nothing to look through.
  v_cursor.floor_id := pg_sequence_last_value('iu_core.event_outbox_id_seq'); v_cursor.floor_to_id := v_cursor.floor_id;
  v_cursor.trusted_id := 0; v_cursor.last_id := v_cursor.floor_id;
  v_cursor.own_xid := pg_current_xact_id(); v_cursor.own_last_id := p_after;
  v_page := fn_iu_route_batch(v_cursor, pg_current_xact_id(), 1000);
  seen := v_page.seen;
  last_id := coalesce(v_page.last_id, p_after);
  attempts_written := v_page.attempts_written;
  dead_lettered := v_page.dead_lettered;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_probe_pass(bigint) IS 'Routes the caller''s own events with ids above p_after, and nobody else''s; gates are not asked';
REVOKE ALL ON FUNCTION iu_core.fn_iu_probe_pass(bigint) FROM PUBLIC;
