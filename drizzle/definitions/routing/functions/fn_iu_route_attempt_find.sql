-- requires: iu_route_attempt, iu_route_attempt_block, v_iu_event_unaudited
-- What workers wrote is found block by block; what the audit has not counted, and replays, directly. Whoever calls it
-- makes the rows distinct and sorts them: the parts overlap where a block has both.
CREATE FUNCTION iu_core.fn_iu_route_attempt_find(
  p_route_code text, p_status text, p_event_type text, p_backwards boolean, p_event_id bigint, p_route_id integer, p_attempt_no integer, p_limit integer)
RETURNS TABLE (event_id bigint, route_id integer, attempt_no integer)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  v_route constant integer := CASE WHEN p_route_code = '(no route)' THEN 0 WHEN p_route_code IS NOT NULL THEN coalesce((SELECT id FROM iu_outbound_route WHERE route_code = p_route_code), -1) END;
  v_through constant bigint := coalesce((SELECT through_id FROM iu_event_audit), 0);
  v_below constant bigint[] := ARRAY(SELECT event_id FROM v_iu_event_unaudited WHERE event_id <= v_through);
  v_from constant bigint := coalesce(p_event_id, CASE WHEN p_backwards THEN 0 ELSE 9223372036854775807 END);
  v_blocks bigint[];
  v_block bigint;
  v_found integer := 0;
  v_more integer;
BEGIN
  v_blocks := ARRAY(
    SELECT DISTINCT b.block_no
    FROM iu_route_attempt_block AS k CROSS JOIN LATERAL (
      SELECT block_no FROM iu_route_attempt_block
      WHERE NOT p_backwards AND (event_type, route_id, status) = (k.event_type, k.route_id, k.status) AND block_no BETWEEN 0 AND v_from / 256 AND attempts > 0
      ORDER BY block_no DESC LIMIT p_limit + 1) AS b
    WHERE k.block_no = -1 AND (v_route IS NULL OR k.route_id = v_route) AND (p_status IS NULL OR k.status = p_status) AND (p_event_type IS NULL OR k.event_type = p_event_type)
    UNION
    SELECT b.block_no
    FROM iu_route_attempt_block AS k CROSS JOIN LATERAL (
      SELECT block_no FROM iu_route_attempt_block
      WHERE p_backwards AND (event_type, route_id, status) = (k.event_type, k.route_id, k.status) AND block_no >= v_from / 256 AND attempts > 0
      ORDER BY block_no LIMIT p_limit + 1) AS b
    WHERE k.block_no = -1 AND (v_route IS NULL OR k.route_id = v_route) AND (p_status IS NULL OR k.status = p_status) AND (p_event_type IS NULL OR k.event_type = p_event_type)
    ORDER BY 1);
  FOR i IN 1 .. cardinality(v_blocks) LOOP
    v_block := v_blocks[CASE WHEN p_backwards THEN i ELSE cardinality(v_blocks) + 1 - i END];
    RETURN QUERY
    SELECT a.event_id, a.route_id, a.attempt_no FROM iu_route_attempt AS a
    WHERE a.event_id BETWEEN v_block * 256 AND v_block * 256 + 255 AND a.worker_code <> 'replay'
      AND (p_event_id IS NULL OR CASE WHEN p_backwards THEN (a.event_id, a.route_id, a.attempt_no) > (p_event_id, p_route_id, p_attempt_no) ELSE (a.event_id, a.route_id, a.attempt_no) < (p_event_id, p_route_id, p_attempt_no) END)
      AND (v_route IS NULL OR a.route_id = v_route) AND (p_status IS NULL OR a.status = p_status)
      AND (p_event_type IS NULL OR EXISTS (SELECT FROM event_outbox AS e WHERE e.id = a.event_id AND e.event_type = p_event_type OFFSET 0));
    GET DIAGNOSTICS v_more = ROW_COUNT;
    v_found := v_found + v_more;
    EXIT WHEN v_found >= p_limit;
  END LOOP;
  RETURN QUERY
  SELECT a.event_id, a.route_id, a.attempt_no
  FROM iu_route_attempt AS a
  WHERE a.event_id = ANY (v_below) AND a.worker_code <> 'replay'
    AND (p_event_id IS NULL OR CASE WHEN p_backwards THEN (a.event_id, a.route_id, a.attempt_no) > (p_event_id, p_route_id, p_attempt_no) ELSE (a.event_id, a.route_id, a.attempt_no) < (p_event_id, p_route_id, p_attempt_no) END)
    AND (v_route IS NULL OR a.route_id = v_route) AND (p_status IS NULL OR a.status = p_status)
    AND (p_event_type IS NULL OR EXISTS (SELECT FROM event_outbox AS e WHERE e.id = a.event_id AND e.event_type = p_event_type OFFSET 0));
  IF p_backwards THEN
    RETURN QUERY
    (SELECT a.event_id, a.route_id, a.attempt_no FROM iu_route_attempt AS a
     WHERE a.event_id > v_through AND a.worker_code <> 'replay' AND (a.event_id, a.route_id, a.attempt_no) > (v_from, coalesce(p_route_id, 0), coalesce(p_attempt_no, 0))
       AND (v_route IS NULL OR a.route_id = v_route) AND (p_status IS NULL OR a.status = p_status)
       AND (p_event_type IS NULL OR EXISTS (SELECT FROM event_outbox AS e WHERE e.id = a.event_id AND e.event_type = p_event_type OFFSET 0))
     ORDER BY a.event_id, a.route_id, a.attempt_no LIMIT p_limit)
    UNION ALL
    (SELECT a.event_id, a.route_id, a.attempt_no FROM iu_route_attempt AS a
     WHERE a.worker_code = 'replay' AND (a.event_id, a.route_id, a.attempt_no) > (v_from, coalesce(p_route_id, 0), coalesce(p_attempt_no, 0))
       AND (v_route IS NULL OR a.route_id = v_route) AND (p_status IS NULL OR a.status = p_status)
       AND (p_event_type IS NULL OR EXISTS (SELECT FROM event_outbox AS e WHERE e.id = a.event_id AND e.event_type = p_event_type OFFSET 0))
     ORDER BY a.event_id, a.route_id, a.attempt_no LIMIT p_limit);
  ELSE
    RETURN QUERY
    (SELECT a.event_id, a.route_id, a.attempt_no FROM iu_route_attempt AS a
     WHERE a.event_id > v_through AND a.worker_code <> 'replay' AND (a.event_id, a.route_id, a.attempt_no) < (v_from, coalesce(p_route_id, 0), coalesce(p_attempt_no, 0))
       AND (v_route IS NULL OR a.route_id = v_route) AND (p_status IS NULL OR a.status = p_status)
       AND (p_event_type IS NULL OR EXISTS (SELECT FROM event_outbox AS e WHERE e.id = a.event_id AND e.event_type = p_event_type OFFSET 0))
     ORDER BY a.event_id DESC, a.route_id DESC, a.attempt_no DESC LIMIT p_limit)
    UNION ALL
    (SELECT a.event_id, a.route_id, a.attempt_no FROM iu_route_attempt AS a
     WHERE a.worker_code = 'replay' AND (a.event_id, a.route_id, a.attempt_no) < (v_from, coalesce(p_route_id, 0), coalesce(p_attempt_no, 0))
       AND (v_route IS NULL OR a.route_id = v_route) AND (p_status IS NULL OR a.status = p_status)
       AND (p_event_type IS NULL OR EXISTS (SELECT FROM event_outbox AS e WHERE e.id = a.event_id AND e.event_type = p_event_type OFFSET 0))
     ORDER BY a.event_id DESC, a.route_id DESC, a.attempt_no DESC LIMIT p_limit);
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_attempt_find(text, text, text, boolean, bigint, integer, integer, integer) IS 'Keys of attempts of a route, a status and an event type (null = any): at least the p_limit next ones behind a key, in no order and some of them twice';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_attempt_find(text, text, text, boolean, bigint, integer, integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_route_attempt_find(text, text, text, boolean, bigint, integer, integer, integer) TO iu_reader;
