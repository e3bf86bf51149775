-- requires: iu_route_attempt_block
CREATE FUNCTION iu_core.fn_iu_attempt_block_count(p_event_ids bigint[], p_sign integer)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH counted AS (
    SELECT e.event_type, a.route_id, a.status, e.id / 256 AS block_no, count(*) AS n
    FROM unnest(p_event_ids) AS i(id)
    CROSS JOIN LATERAL (SELECT id, event_type FROM event_outbox WHERE id = i.id OFFSET 0) AS e
    CROSS JOIN LATERAL (SELECT route_id, status FROM iu_route_attempt WHERE event_id = i.id AND worker_code <> 'replay' OFFSET 0) AS a
    GROUP BY e.event_type, a.route_id, a.status, e.id / 256
  )
  INSERT INTO iu_route_attempt_block AS b (event_type, route_id, status, block_no, attempts)
  SELECT event_type, route_id, status, block_no, p_sign * n FROM counted
  UNION ALL
  SELECT event_type, route_id, status, -1, p_sign * sum(n) FROM counted GROUP BY event_type, route_id, status
  ON CONFLICT (event_type, route_id, status, block_no) DO UPDATE SET attempts = b.attempts + excluded.attempts
$$;
COMMENT ON FUNCTION iu_core.fn_iu_attempt_block_count(bigint[], integer) IS 'Adds (1) or takes away (-1) the attempts, replays apart, of the given events, which are in the outbox, to or from their blocks';
REVOKE ALL ON FUNCTION iu_core.fn_iu_attempt_block_count(bigint[], integer) FROM PUBLIC;
