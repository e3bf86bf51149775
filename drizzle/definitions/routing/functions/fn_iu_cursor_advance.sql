-- requires: fn_iu_event_pending
-- For cursors under their locks. A pass over nothing writes nothing, so the cursor of a worker that finds nothing
-- stays where it last did, however long ago. Those that nothing waits for are brought to the present here.
CREATE FUNCTION iu_core.fn_iu_cursor_advance(VARIADIC p_worker_codes text[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_floor bigint;
  v_newest xid8;
  v_now pg_snapshot;
BEGIN
  -- In the order of a pass: floor, newest transaction, snapshot. What waits is looked for after it, and so
  -- finds all that the snapshot shows.
  v_floor := coalesce(pg_sequence_last_value('iu_core.event_outbox_id_seq'), 0);
  v_newest := fn_iu_newest_xid(pg_current_xact_id());
  v_now := pg_current_snapshot();
  UPDATE iu_route_worker_cursor AS c
  SET snap_from = fn_iu_snapshot_fenced(v_now, pg_current_xact_id(), v_newest), floor_id = v_floor, snap_to = NULL, floor_to_id = 0, last_id = 0
  WHERE c.worker_code = ANY (p_worker_codes)
    -- What has yet to read everything reads everything.
    AND c.system_identifier = fn_iu_system_identifier() AND c.trusted_id = 0 AND pg_snapshot_xmin(c.snap_from) <= pg_snapshot_xmax(v_now)
    AND NOT EXISTS (SELECT FROM fn_iu_event_pending(1) AS p WHERE p.worker_code = c.worker_code);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_cursor_advance(text[]) IS 'Brings those of these cursors that nothing waits for to the present; the caller holds their locks';
REVOKE ALL ON FUNCTION iu_core.fn_iu_cursor_advance(text[]) FROM PUBLIC;
