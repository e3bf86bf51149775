-- requires: iu_route_worker_cursor, v_iu_event_claim
CREATE FUNCTION iu_core.fn_iu_event_pending(p_limit integer)
RETURNS TABLE (worker_code text, event_id bigint, event_domain text, event_type text, created_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH s AS (SELECT fn_iu_system_identifier() AS system_identifier)
  SELECT c.worker_code, p.event_id, p.event_domain, p.event_type, p.created_at
  FROM iu_route_worker_cursor AS c
  CROSS JOIN s
  CROSS JOIN LATERAL (
    -- Up to here only transactions that a stored snapshot lists as running can have left anything.
    -- A cursor that is not of this cluster has passed nothing: its floor does not count.
    SELECT CASE WHEN c.system_identifier IS DISTINCT FROM s.system_identifier OR pg_snapshot_xmin(c.snap_from) > pg_snapshot_xmax(pg_current_snapshot()) THEN 0
                WHEN c.snap_to IS NULL THEN c.floor_id
                ELSE greatest(c.floor_id, least(c.last_id, c.floor_to_id)) END AS floor_id
  ) AS f
  CROSS JOIN LATERAL (
    -- Attempts are looked up above the floor alone: a join must not walk through those of the past.
    SELECT e.event_id, e.event_domain, e.event_type, e.created_at FROM v_iu_event_claim AS e
    WHERE e.worker_code = c.worker_code AND e.event_id > f.floor_id AND NOT e.is_passed
      AND NOT EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = e.event_id AND a.event_id > f.floor_id)
    UNION ALL
    SELECT late.*
    FROM (SELECT pg_snapshot_xip(c.snap_from) UNION SELECT pg_snapshot_xip(c.snap_to)) AS running(x)
    CROSS JOIN LATERAL (
      SELECT e.event_id, e.event_domain, e.event_type, e.created_at FROM v_iu_event_claim AS e
      WHERE e.worker_code = c.worker_code AND e.xid = x AND e.event_id <= f.floor_id AND NOT e.is_passed
        AND NOT EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = e.event_id OFFSET 0)
      OFFSET 0                        -- by the transaction, never by a walk below the floor
    ) AS late
    LIMIT p_limit
  ) AS p
$$;
COMMENT ON FUNCTION iu_core.fn_iu_event_pending(integer) IS 'Up to p_limit events per worker that it has yet to route';
REVOKE ALL ON FUNCTION iu_core.fn_iu_event_pending(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_event_pending(integer) TO iu_reader;
