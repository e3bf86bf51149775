-- requires: iu_route_worker_cursor
-- One page of a window, as one statement: read, decide, write attempts, dead-letter.
-- A generic plan always: a custom one is made anew on each pass and is no better.
CREATE FUNCTION iu_core.fn_iu_route_page(
  p_cursor iu_core.iu_route_worker_cursor, p_own xid8, p_batch_size integer,
  OUT seen integer, OUT last_id bigint, OUT route_ids integer[], OUT statuses text[], OUT counts integer[], OUT dead_lettered integer, OUT live_events bigint[], OUT live_routes integer[])
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  v_new_from constant xid8 := pg_snapshot_xmax(p_cursor.snap_from);
  v_running constant xid8[] := ARRAY(SELECT pg_snapshot_xip(p_cursor.snap_to));
  -- In progress when the last window ended, finished by the end of this one: the late commits.
  v_late constant xid8[] := ARRAY(SELECT x FROM pg_snapshot_xip(p_cursor.snap_from) AS x WHERE pg_visible_in_snapshot(x, p_cursor.snap_to));
  v_own_after constant bigint := CASE WHEN p_cursor.own_xid = p_own THEN p_cursor.own_last_id ELSE 0 END;
BEGIN
  WITH page AS MATERIALIZED (
    SELECT id FROM (
      (SELECT late.id FROM unnest(v_late) AS l(x) CROSS JOIN LATERAL (
         SELECT e.id FROM event_outbox AS e
         WHERE e.xid = l.x AND e.delivery_lane <> 'held' AND e.bucket BETWEEN p_cursor.bucket_from AND p_cursor.bucket_to
           AND e.id > CASE WHEN l.x = p_cursor.own_xid THEN greatest(p_cursor.last_id, p_cursor.own_last_id) ELSE p_cursor.last_id END
         ORDER BY e.id LIMIT p_batch_size) AS late)
      UNION ALL
      (SELECT e.id FROM event_outbox AS e
       WHERE e.id > greatest(p_cursor.last_id, p_cursor.floor_id) AND e.xid >= v_new_from
         AND CASE WHEN e.id <= p_cursor.trusted_id THEN e.xid <> ALL (v_running) ELSE pg_visible_in_snapshot(e.xid, p_cursor.snap_to) END
         AND e.delivery_lane <> 'held' AND e.bucket BETWEEN p_cursor.bucket_from AND p_cursor.bucket_to
       ORDER BY e.id LIMIT p_batch_size)
      UNION ALL
      (SELECT e.id FROM event_outbox AS e
       WHERE e.xid = p_own AND e.id > v_own_after
         AND e.delivery_lane <> 'held' AND e.bucket BETWEEN p_cursor.bucket_from AND p_cursor.bucket_to
       ORDER BY e.id LIMIT p_batch_size)
    ) AS became_visible
    ORDER BY id LIMIT p_batch_size
  ), decided AS MATERIALIZED (
    SELECT d.* FROM page JOIN v_iu_route_decision AS d ON d.event_id = page.id
  ), attempted AS (
    INSERT INTO iu_route_attempt AS a (event_id, route_id, attempt_no, status, failure_code, failure_detail, target_kind, target_ref, worker_code)
    SELECT event_id, route_id, 1, decision, failure_code, failure_detail, target_kind, target_ref, p_cursor.worker_code
    FROM decided WHERE decision <> 'live' ORDER BY event_id, route_id
    ON CONFLICT DO NOTHING
    RETURNING a.event_id, a.route_id, a.status, a.failure_code, a.failure_detail
  ), dead AS (
    INSERT INTO iu_route_dead_letter (event_id, route_id, attempt_no, failure_code, failure_detail, event_domain, event_type,
                                      event_subject_table, event_subject_ref, payload, actor, event_created_at)
    SELECT e.id, a.route_id, 1, a.failure_code, a.failure_detail, e.event_domain, e.event_type,
           e.event_subject_table, e.event_subject_ref, e.payload, e.actor, e.created_at
    FROM attempted AS a JOIN event_outbox AS e ON e.id = a.event_id
    WHERE a.status = 'failed' ORDER BY e.id, a.route_id
    ON CONFLICT DO NOTHING
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM page), (SELECT max(id) FROM page), a.route_ids, a.statuses, a.counts, (SELECT count(*) FROM dead), l.events, l.routes
  INTO seen, last_id, route_ids, statuses, counts, dead_lettered, live_events, live_routes
  FROM (SELECT coalesce(array_agg(route_id), '{}') AS route_ids, coalesce(array_agg(status), '{}') AS statuses, coalesce(array_agg(n), '{}') AS counts
        FROM (SELECT route_id, status, count(*)::integer AS n FROM attempted GROUP BY route_id, status) AS counted) AS a
  CROSS JOIN (SELECT coalesce(array_agg(event_id ORDER BY event_id, route_id), '{}') AS events, coalesce(array_agg(route_id ORDER BY event_id, route_id), '{}') AS routes
              FROM decided AS d
              -- A delivery cannot be taken back by a conflict: what was attempted once is left to replays.
              WHERE decision = 'live' AND NOT EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = d.event_id AND a.route_id = d.route_id)) AS l;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_page(iu_core.iu_route_worker_cursor, xid8, integer) IS 'Routes one page of the window that the cursor describes; live routes are returned, not attempted. p_own is the caller''s own transaction where it has written, so that it may read its own events';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_page(iu_core.iu_route_worker_cursor, xid8, integer) FROM PUBLIC;
