-- requires: event_outbox, iu_route_attempt, iu_route_worker_cursor, v_iu_event_claim
-- Most of what waits is newer than whatever any cursor or attempt knows: that is counted by bucket and type, without a claim
-- for each. The rest is held against claims and attempts one by one, by range and by ids apart: no join walks through the past.
CREATE FUNCTION iu_core.fn_iu_event_judged(p_ids bigint[], p_above bigint, p_through bigint)
RETURNS TABLE (worker_code text, event_domain text, event_type text, is_attempted boolean, is_passed boolean, events bigint, releases bigint, oldest_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_sort = off                 -- a thousand ids are ten to the planner, and would be sorted by every key
AS $$
#variable_conflict use_column
DECLARE
  v_known_id bigint;
  v_known_xid xid8;
  v_odd bigint[] := '{}';
  v record;
BEGIN
  SELECT coalesce(greatest(max(greatest(c.floor_id, c.last_id, c.trusted_id, c.own_last_id)), (SELECT max(a.event_id) FROM iu_route_attempt AS a WHERE a.event_id <= p_through)), 0),
         coalesce(max(pg_snapshot_xmax(c.snap_from)), '3')
  INTO v_known_id, v_known_xid FROM iu_route_worker_cursor AS c;
  is_attempted := false;
  FOR v IN
    SELECT n.*, c.worker_code
    FROM (SELECT e.bucket, e.event_domain, e.event_type, CASE WHEN e.xid < v_known_xid THEN e.id END AS odd_id, count(*) AS events, count(e.released_from) AS releases, min(e.created_at) AS oldest_at
          FROM event_outbox AS e WHERE e.id > greatest(p_above, v_known_id) AND e.id <= p_through AND e.delivery_lane <> 'held'
          GROUP BY e.bucket, e.event_domain, e.event_type, odd_id
          UNION ALL
          SELECT e.bucket, e.event_domain, e.event_type, CASE WHEN e.id <= v_known_id OR e.xid < v_known_xid THEN e.id END AS odd_id, count(*), count(e.released_from), min(e.created_at)
          FROM event_outbox AS e WHERE e.id = ANY (p_ids) AND e.delivery_lane <> 'held'
          GROUP BY e.bucket, e.event_domain, e.event_type, odd_id) AS n
    LEFT JOIN iu_route_worker_cursor AS c ON n.bucket BETWEEN c.bucket_from AND c.bucket_to
  LOOP
    IF v.odd_id IS NOT NULL THEN
      v_odd := v_odd || v.odd_id;
    ELSE
      worker_code := v.worker_code; event_domain := v.event_domain; event_type := v.event_type; events := v.events; releases := v.releases; oldest_at := v.oldest_at;
      is_passed := CASE WHEN v.worker_code IS NOT NULL THEN false END;
      RETURN NEXT;
    END IF;
  END LOOP;
  RETURN QUERY
  SELECT j.worker_code, j.event_domain, j.event_type, j.is_attempted, j.is_passed, count(*), count(j.released_from), min(j.created_at)
  FROM (SELECT c.*, c.event_id IN (SELECT a.event_id FROM iu_route_attempt AS a WHERE a.event_id > p_above AND a.event_id <= least(v_known_id, p_through) AND a.attempt_no = 1) AS is_attempted
        FROM v_iu_event_claim AS c WHERE c.event_id > p_above AND c.event_id <= least(v_known_id, p_through)
        UNION ALL
        SELECT c.*, EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = c.event_id AND a.attempt_no = 1 OFFSET 0)
        FROM v_iu_event_claim AS c WHERE c.event_id = ANY (v_odd)) AS j
  GROUP BY j.worker_code, j.event_domain, j.event_type, j.is_attempted, j.is_passed;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_event_judged(bigint[], bigint, bigint) IS 'The events with these ids and those above the one id through the other, lane held apart, counted by worker, type and what became of them: attempted or not, passed by their worker or not; with the oldest, and how many of them release a held one';
REVOKE ALL ON FUNCTION iu_core.fn_iu_event_judged(bigint[], bigint, bigint) FROM PUBLIC;
