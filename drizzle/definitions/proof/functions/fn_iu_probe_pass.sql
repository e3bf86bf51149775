-- requires: fn_iu_route_page, fn_iu_route_attempt_one, fn_iu_route_rollup_add
-- What fn_iu_route_worker_run does between its lock and its cursor, with a cursor that stands in no table: its
-- window is empty but for the caller's own events after p_after. So neither the live worker's lock is taken
-- nor anybody else's event routed.
CREATE FUNCTION iu_core.fn_iu_probe_pass(p_after bigint, OUT seen integer, OUT attempts_written integer, OUT dead_lettered integer, OUT last_id bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_cursor iu_route_worker_cursor;
  v_page record;
  v_status text;
BEGIN
  v_cursor.worker_code := 'iu_probe';
  v_cursor.bucket_from := 0; v_cursor.bucket_to := 15;
  v_cursor.system_identifier := fn_iu_system_identifier();
  v_cursor.snap_from := pg_current_snapshot(); v_cursor.snap_to := v_cursor.snap_from;
  -- Above every id there is: the two other parts of the window have nothing to look through.
  v_cursor.floor_id := pg_sequence_last_value('iu_core.event_outbox_id_seq'); v_cursor.floor_to_id := v_cursor.floor_id;
  v_cursor.trusted_id := 0; v_cursor.last_id := v_cursor.floor_id;
  v_cursor.own_xid := pg_current_xact_id(); v_cursor.own_last_id := p_after;
  BEGIN
    v_page := fn_iu_route_page(v_cursor, pg_current_xact_id(), 1000, false);
  EXCEPTION WHEN unique_violation THEN
    v_page := fn_iu_route_page(v_cursor, pg_current_xact_id(), 1000, true);
  END;
  seen := v_page.seen;
  last_id := coalesce(v_page.last_id, p_after);
  attempts_written := coalesce((SELECT sum(n) FROM unnest(v_page.counts) AS n), 0);
  dead_lettered := v_page.dead_lettered;
  FOR i IN 1 .. cardinality(v_page.live_events) LOOP
    v_status := fn_iu_route_attempt_one('iu_probe', v_page.live_events[i], v_page.live_routes[i], 1);
    attempts_written := attempts_written + CASE WHEN v_status IS NULL THEN 0 ELSE 1 END;
    dead_lettered := dead_lettered + CASE WHEN v_status = 'failed' THEN 1 ELSE 0 END;
  END LOOP;
  PERFORM fn_iu_route_rollup_add('iu_probe', v_page.decided_at, v_page.route_ids, v_page.statuses, v_page.counts);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_probe_pass(bigint) IS 'Routes the caller''s own events with ids above p_after, and nobody else''s; gates are not asked';
REVOKE ALL ON FUNCTION iu_core.fn_iu_probe_pass(bigint) FROM PUBLIC;
