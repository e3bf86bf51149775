-- requires: iu_route_attempt, iu_route_attempt_block, v_iu_event_unaudited
CREATE FUNCTION iu_core.fn_iu_route_attempt_count(p_route_code text, p_status text, p_event_type text, p_most integer)
RETURNS integer
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_route constant integer := CASE WHEN p_route_code = '(no route)' THEN 0 WHEN p_route_code IS NOT NULL THEN coalesce((SELECT id FROM iu_outbound_route WHERE route_code = p_route_code), -1) END;
  v_through constant bigint := coalesce((SELECT through_id FROM iu_event_audit), 0);
  v_below constant bigint[] := ARRAY(SELECT event_id FROM v_iu_event_unaudited WHERE event_id <= v_through);
  v_n bigint;
BEGIN
  SELECT coalesce(sum(attempts), 0) INTO v_n FROM iu_route_attempt_block
  WHERE block_no = -1 AND (v_route IS NULL OR route_id = v_route) AND (p_status IS NULL OR status = p_status) AND (p_event_type IS NULL OR event_type = p_event_type);
  IF v_n < p_most THEN
    v_n := v_n + (SELECT count(*) FROM (
      SELECT FROM iu_route_attempt AS a
      WHERE (a.event_id > v_through OR a.event_id = ANY (v_below)) AND a.worker_code <> 'replay' AND (v_route IS NULL OR a.route_id = v_route) AND (p_status IS NULL OR a.status = p_status)
        AND (p_event_type IS NULL OR EXISTS (SELECT FROM event_outbox AS e WHERE e.id = a.event_id AND e.event_type = p_event_type OFFSET 0))
      LIMIT p_most - v_n) AS unaudited);
  END IF;
  IF v_n < p_most THEN
    v_n := v_n + (SELECT count(*) FROM (
      SELECT FROM iu_route_attempt AS a
      WHERE a.worker_code = 'replay' AND (v_route IS NULL OR a.route_id = v_route) AND (p_status IS NULL OR a.status = p_status)
        AND (p_event_type IS NULL OR EXISTS (SELECT FROM event_outbox AS e WHERE e.id = a.event_id AND e.event_type = p_event_type OFFSET 0))
      LIMIT p_most - v_n) AS replays);
  END IF;
  RETURN least(v_n, p_most);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_attempt_count(text, text, text, integer) IS 'How many attempts of a route, a status and an event type there are (null = any), counted to p_most';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_attempt_count(text, text, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_route_attempt_count(text, text, text, integer) TO iu_reader;
