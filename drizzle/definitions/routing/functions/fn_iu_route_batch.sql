-- requires: fn_iu_route_page, fn_iu_route_attempt_one, fn_iu_route_rollup_add, v_iu_route_rule
-- A page with all that belongs to it, for the worker and for the probe, which has a cursor of its own.
CREATE FUNCTION iu_core.fn_iu_route_batch(
  p_cursor iu_core.iu_route_worker_cursor, p_own xid8, p_batch_size integer,
  OUT seen integer, OUT last_id bigint, OUT attempts_written integer, OUT skipped integer, OUT dead_lettered integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_page record;
  v_event bigint;
  v_route integer;
  v_status text;
BEGIN
  IF p_batch_size = 1 THEN
    -- Who asks for one event at a time has met one that no page can be made with, or has no haste.
    v_page := fn_iu_route_page(p_cursor, p_own, p_batch_size, true);
  ELSE
    BEGIN
      v_page := fn_iu_route_page(p_cursor, p_own, p_batch_size, false);
    EXCEPTION
      WHEN unique_violation OR data_exception OR program_limit_exceeded OR out_of_memory OR internal_error OR SQLSTATE 'IU002' THEN
        -- Only after a reset, a restore or a join: to look before each insert would slow down every page. Or where an event cannot
        -- be judged: each is judged by itself then, and that one is dead-lettered as such.
        v_page := fn_iu_route_page(p_cursor, p_own, p_batch_size, true);
    END;
  END IF;
  seen := v_page.seen; last_id := v_page.last_id; dead_lettered := v_page.dead_lettered;
  attempts_written := 0; skipped := 0;
  IF v_page.singles IS NOT NULL THEN
    FOR v_event, v_route IN
      SELECT e.id, coalesce(r.route_id, 0)
      FROM unnest(v_page.singles) AS s(id)
      JOIN event_outbox AS e ON e.id = s.id
      LEFT JOIN v_iu_route_rule AS r ON r.event_type = e.event_type
      WHERE NOT EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = e.id AND a.route_id = coalesce(r.route_id, 0) AND a.attempt_no = 1)
      ORDER BY e.id, r.route_id
    LOOP
      v_status := fn_iu_route_attempt_one(p_cursor.worker_code, v_event, v_route, 1);
      attempts_written := attempts_written + CASE WHEN v_status IS NULL THEN 0 ELSE 1 END;
      skipped := skipped + CASE WHEN v_status = 'skipped' THEN 1 ELSE 0 END;
      dead_lettered := dead_lettered + CASE WHEN v_status = 'failed' THEN 1 ELSE 0 END;
    END LOOP;
  END IF;
  FOR i IN 1 .. cardinality(v_page.counts) LOOP
    attempts_written := attempts_written + v_page.counts[i];
    skipped := skipped + CASE v_page.statuses[i] WHEN 'skipped' THEN v_page.counts[i] ELSE 0 END;
  END LOOP;
  IF cardinality(v_page.counts) > 0 THEN
    PERFORM fn_iu_route_rollup_add(p_cursor.worker_code, v_page.decided_at, v_page.route_ids, v_page.statuses, v_page.counts);
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_batch(iu_core.iu_route_worker_cursor, xid8, integer) IS 'Routes one page of the window that the cursor describes, live routes included, and keeps the roll-up; the cursor is not moved. p_own is the caller''s own transaction where it has written, so that it may read its own events';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_batch(iu_core.iu_route_worker_cursor, xid8, integer) FROM PUBLIC;
