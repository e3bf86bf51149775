-- requires: fn_dot_frozen, fn_dot_instant, fn_dot_thawed, iu_core, iu_route_attempt, iu_outbound_route
CREATE FUNCTION iu_core.fn_dot_skipped(p_params jsonb, p_context jsonb, p_most integer)
RETURNS bigint[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_from constant timestamptz := fn_dot_instant(p_params, 'from');
  v_to constant timestamptz := fn_dot_instant(p_params, 'to');
  v_route iu_outbound_route;
  v_ids bigint[];
BEGIN
  SELECT * INTO v_route FROM iu_outbound_route WHERE route_code = p_params ->> 'route';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'route: there is no %', coalesce(p_params ->> 'route', 'route given') USING ERRCODE = 'IU003', COLUMN = 'route', HINT = 'Say which route skipped them.';
  ELSIF NOT v_route.enabled THEN
    RAISE EXCEPTION 'route: % is disabled, and would skip them again', v_route.route_code USING ERRCODE = 'IU016', COLUMN = 'route', HINT = 'Enable the route first.';
  ELSIF p_context ? 'frozen' THEN
    RETURN fn_dot_thawed(p_context -> 'frozen');
  END IF;
  SELECT array_agg(event_id ORDER BY event_id) INTO v_ids
  FROM (
    SELECT a.event_id FROM iu_route_attempt AS a
    WHERE a.failure_code = 'route_disabled' AND a.route_id = v_route.id
      AND NOT EXISTS (SELECT FROM iu_route_attempt AS n WHERE n.event_id = a.event_id AND n.route_id = a.route_id AND n.attempt_no > a.attempt_no)
      AND (v_from IS NULL OR a.created_at >= v_from)
      AND (v_to IS NULL OR a.created_at < v_to)
      AND (NOT p_params ? 'through' OR a.event_id <= (p_params ->> 'through')::bigint)
    ORDER BY a.event_id LIMIT least(p_most, (p_params ->> 'limit')::integer)
  ) AS chosen;
  IF v_ids IS NULL THEN
    RAISE EXCEPTION 'route % has skipped no event that was not attempted since', v_route.route_code USING ERRCODE = 'IU016';
  END IF;
  RETURN v_ids;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_skipped(jsonb, jsonb, integer) IS 'The events that a route skipped while it was disabled and has not attempted since; IU016 when there is none, or it is disabled still; IU003 unknown route';
REVOKE ALL ON FUNCTION iu_core.fn_dot_skipped(jsonb, jsonb, integer) FROM PUBLIC;
