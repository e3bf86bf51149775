SET LOCAL search_path = pg_catalog, iu_core, pg_temp;
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_batch(p_cursor iu_route_worker_cursor, p_own xid8, p_batch_size integer, OUT seen integer, OUT last_id bigint, OUT attempts_written integer, OUT skipped integer, OUT dead_lettered integer)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_page record;
  v_status text;
BEGIN
  BEGIN
    v_page := fn_iu_route_page(p_cursor, p_own, p_batch_size, false);
  EXCEPTION WHEN unique_violation THEN
    -- Only after a reset, a restore or a join: to look before each insert would slow down every page.
    v_page := fn_iu_route_page(p_cursor, p_own, p_batch_size, true);
  END;
  seen := v_page.seen; last_id := v_page.last_id; dead_lettered := v_page.dead_lettered;
  attempts_written := 0; skipped := 0;
  FOR i IN 1 .. cardinality(v_page.live_events) LOOP
    v_status := fn_iu_route_attempt_one(p_cursor.worker_code, v_page.live_events[i], v_page.live_routes[i], 1);
    attempts_written := attempts_written + CASE WHEN v_status IS NULL THEN 0 ELSE 1 END;
    dead_lettered := dead_lettered + CASE WHEN v_status = 'failed' THEN 1 ELSE 0 END;
  END LOOP;
  FOR i IN 1 .. cardinality(v_page.counts) LOOP
    attempts_written := attempts_written + v_page.counts[i];
    skipped := skipped + CASE v_page.statuses[i] WHEN 'skipped' THEN v_page.counts[i] ELSE 0 END;
  END LOOP;
  IF cardinality(v_page.counts) > 0 THEN
    PERFORM fn_iu_route_rollup_add(p_cursor.worker_code, v_page.decided_at, v_page.route_ids, v_page.statuses, v_page.counts);
  END IF;
END
$function$;
ALTER FUNCTION fn_iu_route_batch(iu_route_worker_cursor,xid8,integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_batch(iu_route_worker_cursor,xid8,integer) IS 'Routes one page of the window that the cursor describes, live routes included, and keeps the roll-up; the cursor is not moved. p_own is the caller''s own transaction where it has written, so that it may read its own events';
-- What it returns is changed.
DROP FUNCTION iu_core.fn_iu_route_page(iu_core.iu_route_worker_cursor, xid8, integer, boolean);
CREATE FUNCTION iu_core.fn_iu_route_page(p_cursor iu_route_worker_cursor, p_own xid8, p_batch_size integer, p_is_reread boolean, OUT seen integer, OUT last_id bigint, OUT decided_at timestamp with time zone, OUT route_ids integer[], OUT statuses text[], OUT counts integer[], OUT dead_lettered integer, OUT live_events bigint[], OUT live_routes integer[])
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
DECLARE
  v_new_from constant xid8 := pg_snapshot_xmax(p_cursor.snap_from);
  v_running constant xid8[] := ARRAY(SELECT pg_snapshot_xip(p_cursor.snap_to));
  -- In progress when the last window ended, finished by the end of this one: the late commits.
  v_late constant xid8[] := ARRAY(SELECT x FROM pg_snapshot_xip(p_cursor.snap_from) AS x WHERE pg_visible_in_snapshot(x, p_cursor.snap_to));
  v_own_after constant bigint := CASE WHEN p_cursor.own_xid = p_own THEN p_cursor.own_last_id ELSE 0 END;
  -- A bit for each bucket and not a range: of a range the planner expects one event in two hundred, and joins a whole page one by one.
  v_buckets constant integer := (1 << (p_cursor.bucket_to + 1)) - (1 << p_cursor.bucket_from::integer);
BEGIN
  -- One time for the page: an hour's attempts and its roll-up are the same ones.
  decided_at := clock_timestamp();
  WITH page AS MATERIALIZED (
    SELECT id, event_type, payload FROM (
      (SELECT late.* FROM unnest(v_late) AS l(x) CROSS JOIN LATERAL (
         SELECT e.id, e.event_type, e.payload FROM event_outbox AS e
         -- One transaction as a range, in the order of its index: of what one wrote among few, the planner expects
         -- so many rows that it would rather walk the primary key.
         WHERE e.xid >= l.x AND e.xid <= l.x AND e.delivery_lane <> 'held' AND (v_buckets >> e.bucket) & 1 <> 0
           AND e.id > CASE WHEN l.x = p_cursor.own_xid THEN greatest(p_cursor.last_id, p_cursor.own_last_id) ELSE p_cursor.last_id END
         ORDER BY e.xid, e.id LIMIT p_batch_size) AS late)
      UNION ALL
      (SELECT e.id, e.event_type, e.payload FROM event_outbox AS e
       WHERE e.id > greatest(p_cursor.last_id, p_cursor.floor_id) AND e.xid >= v_new_from
         AND CASE WHEN e.id <= p_cursor.trusted_id THEN e.xid <> ALL (v_running) ELSE pg_visible_in_snapshot(e.xid, p_cursor.snap_to) END
         AND e.delivery_lane <> 'held' AND (v_buckets >> e.bucket) & 1 <> 0
       ORDER BY e.id LIMIT p_batch_size)
      UNION ALL
      (SELECT e.id, e.event_type, e.payload FROM event_outbox AS e
       WHERE e.xid >= p_own AND e.xid <= p_own AND e.id > v_own_after
         AND e.delivery_lane <> 'held' AND (v_buckets >> e.bucket) & 1 <> 0
       ORDER BY e.xid, e.id LIMIT p_batch_size)
    ) AS became_visible
    ORDER BY id LIMIT p_batch_size
  ), rule AS MATERIALIZED (             -- read once a page, not once an event
    SELECT * FROM v_iu_route_rule
  ), decided AS MATERIALIZED (          -- as v_iu_route_decision decides
    SELECT e.id AS event_id, coalesce(r.route_id, 0) AS route_id, r.target_kind, r.target_ref, coalesce(f.fault, r.skip_code) AS failure_code,
           CASE WHEN f.fault IS NULL THEN r.decision ELSE 'failed' END AS decision,
           CASE f.fault WHEN 'payload_schema' THEN array_to_string(fn_iu_payload_problems(e.payload, r.payload_schema), '; ')
                        WHEN 'unknown_event_type' THEN 'the type is not registered' END AS failure_detail
    FROM page AS e
    LEFT JOIN rule AS r ON r.event_type = e.event_type
    CROSS JOIN LATERAL (
      SELECT CASE WHEN r.event_type IS NULL THEN 'unknown_event_type'
                  WHEN r.payload_predicate IS NOT NULL AND (e.payload @@ r.payload_predicate) IS NOT TRUE THEN 'payload_schema' END AS fault
      OFFSET 0
    ) AS f
    -- Read once more after a join or a reset: what was decided before is not decided for a route that was registered since.
    WHERE CASE WHEN e.id <= p_cursor.reread_id THEN (SELECT true FROM iu_route_attempt AS a WHERE a.event_id = e.id LIMIT 1) IS NULL
               -- A delivery cannot be taken back by a conflict: on a live route one looks first.
               ELSE NOT p_is_reread AND r.decision IS DISTINCT FROM 'live'
                 OR NOT EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = e.id AND a.route_id = coalesce(r.route_id, 0) AND a.attempt_no = 1 LIMIT 1) END
  ), attempted AS (
    INSERT INTO iu_route_attempt (event_id, route_id, attempt_no, status, failure_code, failure_detail, target_kind, target_ref, worker_code, created_at)
    SELECT event_id, route_id, 1, decision, failure_code, failure_detail, target_kind, target_ref, p_cursor.worker_code, decided_at
    -- In the order of the key: each row goes into the index beside the last one.
    FROM decided WHERE decision <> 'live' ORDER BY event_id, route_id
  ), dead AS (
    INSERT INTO iu_route_dead_letter (event_id, route_id, attempt_no, failure_code, failure_detail, event_domain, event_type,
                                      event_subject_table, event_subject_ref, payload, actor, event_created_at)
    SELECT e.id, d.route_id, 1, d.failure_code, d.failure_detail, e.event_domain, e.event_type,
           e.event_subject_table, e.event_subject_ref, e.payload, e.actor, e.created_at
    FROM decided AS d
    CROSS JOIN LATERAL (SELECT * FROM event_outbox AS o WHERE o.id = d.event_id LIMIT 1) AS e
    WHERE d.decision = 'failed' ORDER BY e.id, d.route_id
    ON CONFLICT DO NOTHING
    RETURNING 1
  )
  SELECT p.seen, p.last_id, a.route_ids, a.statuses, a.counts, (SELECT count(*) FROM dead), l.events, l.routes
  INTO seen, last_id, route_ids, statuses, counts, dead_lettered, live_events, live_routes
  FROM (SELECT count(*) AS seen, max(id) AS last_id FROM page) AS p
  CROSS JOIN (SELECT coalesce(array_agg(route_id), '{}') AS route_ids, coalesce(array_agg(decision), '{}') AS statuses, coalesce(array_agg(n), '{}') AS counts
              FROM (SELECT route_id, decision, count(*)::integer AS n FROM decided WHERE decision <> 'live' GROUP BY route_id, decision) AS counted) AS a
  CROSS JOIN (SELECT coalesce(array_agg(event_id ORDER BY event_id, route_id), '{}') AS events, coalesce(array_agg(route_id ORDER BY event_id, route_id), '{}') AS routes
              FROM decided WHERE decision = 'live') AS l;
END
$function$;
ALTER FUNCTION fn_iu_route_page(iu_route_worker_cursor,xid8,integer,boolean) OWNER TO iu_owner;
REVOKE ALL ON FUNCTION fn_iu_route_page(iu_route_worker_cursor,xid8,integer,boolean) FROM PUBLIC;
COMMENT ON FUNCTION fn_iu_route_page(iu_route_worker_cursor,xid8,integer,boolean) IS 'Routes one page of the window that the cursor describes; live routes are returned, not attempted. p_own is the caller''s own transaction where it has written, so that it may read its own events. Raises unique_violation where an event was attempted before, unless p_is_reread: then what was is left as it is';
