-- requires: fn_iu_payload_meets, iu_route_worker_cursor
-- One page of a window: one statement reads, decides, writes the attempts and counts them; then what failed is dead-lettered.
-- A generic plan always: a custom one is made anew on each pass and is no better.
CREATE FUNCTION iu_core.fn_iu_route_page(
  p_cursor iu_core.iu_route_worker_cursor, p_own xid8, p_batch_size integer, p_is_reread boolean,
  OUT seen integer, OUT last_id bigint, OUT decided_at timestamptz, OUT route_ids integer[], OUT statuses text[], OUT counts integer[],
  OUT dead_lettered integer, OUT singles bigint[])
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
  -- A bit for each bucket and not a range: of a range the planner expects one event in two hundred, and joins a whole page one by one.
  v_buckets constant integer := (1 << (p_cursor.bucket_to + 1)) - (1 << p_cursor.bucket_from::integer);
  v_bad bigint[];
BEGIN
  -- One time for the page: an hour's attempts and its roll-up are the same ones.
  decided_at := clock_timestamp();
  WITH rule AS MATERIALIZED (           -- read once a page, not once an event
    SELECT event_type, route_id, target_kind, target_ref, skip_code, decision, payload_fault, payload_predicate IS NOT NULL AS is_judging FROM v_iu_route_rule
  ), type AS MATERIALIZED (
    SELECT t.event_type, t.payload_schema, t.payload_keys, t.payload_fault, CASE WHEN t.event_type IN (SELECT r.event_type FROM rule AS r WHERE r.is_judging) THEN t.payload_predicate END AS payload_predicate,
           t.event_type IN (SELECT r.event_type FROM rule AS r WHERE r.decision = 'live') AS is_live
    FROM iu_event_type AS t
  ), page AS MATERIALIZED (             -- judged before it is kept, so that no payload is
    SELECT e.id, e.event_type,
           -- What is taken one by one is judged then: here one event that cannot be judged would be the end of the page.
           CASE WHEN p_is_reread THEN NULL
                WHEN t.event_type IS NULL THEN 'the type is not registered'
                WHEN t.payload_fault IS NOT NULL AND t.payload_predicate IS NOT NULL THEN t.payload_fault
                WHEN t.payload_predicate IS NOT NULL AND NOT fn_iu_payload_meets(e.payload, t.payload_predicate, t.payload_keys)
                THEN array_to_string(fn_iu_payload_problems(e.payload, t.payload_schema), '; ') END AS problems,
           -- Read once more after a join or a reset: what was decided before is not decided for a route that was registered since.
           CASE WHEN e.id <= p_cursor.reread_id THEN EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = e.id LIMIT 1) END AS is_old,
           -- A delivery cannot be taken back by a conflict: a live route is taken by itself.
           CASE WHEN p_is_reread OR t.is_live THEN true END AS is_single
    FROM (
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
    ) AS e
    LEFT JOIN type AS t ON t.event_type = e.event_type
  ), attempted AS (                     -- as v_iu_route_decision decides
    INSERT INTO iu_route_attempt (event_id, route_id, attempt_no, status, failure_code, failure_detail, target_kind, target_ref, worker_code, created_at)
    SELECT id, route_id, 1, CASE WHEN is_bad THEN 'failed' ELSE decision END, CASE WHEN is_bad THEN fault ELSE skip_code END,
           CASE WHEN is_bad THEN problems END, target_kind, target_ref, p_cursor.worker_code, decided_at
    FROM (
      SELECT p.id, coalesce(r.route_id, 0) AS route_id, p.problems, r.target_kind, r.target_ref, r.skip_code, r.decision,
             p.problems IS NOT NULL AND r.is_judging IS NOT FALSE AS is_bad,
             CASE WHEN r.event_type IS NULL THEN 'unknown_event_type' WHEN r.payload_fault IS NOT NULL THEN 'cannot_be_judged' ELSE 'payload_schema' END AS fault
      FROM page AS p
      LEFT JOIN rule AS r ON r.event_type = p.event_type
      WHERE p.is_old IS NOT TRUE AND NOT p_is_reread
    ) AS decided
    WHERE is_bad OR decision <> 'live'
    ORDER BY id                         -- in that of the index, also where a small page was hashed
  )
  SELECT p.seen, p.last_id, p.bad, p.singles, a.route_ids, a.statuses, a.counts
  INTO seen, last_id, v_bad, singles, route_ids, statuses, counts
  FROM (SELECT count(*) AS seen, max(id) AS last_id, array_agg(id) FILTER (WHERE problems IS NOT NULL AND is_old IS NOT TRUE) AS bad,
               array_agg(id) FILTER (WHERE is_single AND is_old IS NOT TRUE) AS singles FROM page) AS p
  -- Counted by type, of which there are few, and not once more by event and route.
  CROSS JOIN (
    SELECT coalesce(array_agg(route_id), '{}') AS route_ids, coalesce(array_agg(status), '{}') AS statuses, coalesce(array_agg(n), '{}') AS counts
    FROM (SELECT coalesce(r.route_id, 0) AS route_id, CASE WHEN k.has_problems AND r.is_judging IS NOT FALSE THEN 'failed' ELSE r.decision END AS status, sum(k.n)::integer AS n
          FROM (SELECT event_type, problems IS NOT NULL AS has_problems, count(*) AS n FROM page WHERE is_old IS NOT TRUE AND NOT p_is_reread GROUP BY 1, 2) AS k
          LEFT JOIN rule AS r ON r.event_type = k.event_type
          GROUP BY 1, 2) AS counted
    WHERE status <> 'live'
  ) AS a;
  dead_lettered := 0;
  IF v_bad IS NOT NULL AND NOT p_is_reread THEN
    INSERT INTO iu_route_dead_letter (event_id, route_id, attempt_no, failure_code, failure_detail, event_domain, event_type,
                                      event_subject_table, event_subject_ref, payload, actor, event_created_at)
    SELECT e.id, a.route_id, 1, a.failure_code, a.failure_detail, e.event_domain, e.event_type,
           e.event_subject_table, e.event_subject_ref, e.payload, e.actor, e.created_at
    FROM unnest(v_bad) AS bad(id)
    CROSS JOIN LATERAL (SELECT * FROM event_outbox AS o WHERE o.id = bad.id LIMIT 1) AS e
    CROSS JOIN LATERAL (SELECT * FROM iu_route_attempt AS t WHERE t.event_id = bad.id AND t.attempt_no = 1 AND t.status = 'failed' OFFSET 0) AS a
    ORDER BY e.id, a.route_id;
    GET DIAGNOSTICS dead_lettered = ROW_COUNT;
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_page(iu_core.iu_route_worker_cursor, xid8, integer, boolean) IS 'Routes one page of the window that the cursor describes; the events that have a live route are returned as singles, for what has no attempt of them. p_own is the caller''s own transaction where it has written, so that it may read its own events. Raises unique_violation where an event was attempted before or has an open dead letter, unless p_is_reread: then every event is a single';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_page(iu_core.iu_route_worker_cursor, xid8, integer, boolean) FROM PUBLIC;
