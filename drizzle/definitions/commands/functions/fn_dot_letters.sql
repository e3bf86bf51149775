-- requires: fn_dot_frozen, fn_dot_instant, fn_dot_thawed, iu_core, iu_route_dead_letter, iu_outbound_route
-- Which letters a command on many is about: those that its plan froze, or those that match. What is to be replayed
-- leaves out those of disabled routes, which would only stand in the way of the others.
CREATE FUNCTION iu_core.fn_dot_letters(p_params jsonb, p_context jsonb, p_most integer, p_is_replay boolean)
RETURNS bigint[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_from constant timestamptz := fn_dot_instant(p_params, 'from');
  v_to constant timestamptz := fn_dot_instant(p_params, 'to');
  v_route constant integer := (SELECT id FROM iu_outbound_route WHERE route_code = p_params ->> 'route');
  v_ids bigint[];
  v_disabled text;
BEGIN
  IF p_context ? 'frozen' THEN
    RETURN fn_dot_thawed(p_context -> 'frozen');
  ELSIF p_params ? 'route' AND v_route IS NULL THEN
    RAISE EXCEPTION 'route: there is no %', p_params ->> 'route' USING ERRCODE = 'IU003', COLUMN = 'route';
  END IF;
  SELECT array_agg(id ORDER BY id) INTO v_ids
  FROM (
    SELECT d.id FROM iu_route_dead_letter AS d LEFT JOIN iu_outbound_route AS r ON r.id = d.route_id
    WHERE d.status = 'open'
      AND (NOT p_params ? 'cause' OR d.cause = p_params ->> 'cause')
      AND (NOT p_params ? 'failure_code' OR d.failure_code = p_params ->> 'failure_code')
      AND (NOT p_params ? 'event_type' OR d.event_type = p_params ->> 'event_type')
      AND (v_route IS NULL OR d.route_id = v_route)
      AND (v_from IS NULL OR d.created_at >= v_from)
      AND (v_to IS NULL OR d.created_at < v_to)
      AND (NOT p_params ? 'through' OR d.id <= (p_params ->> 'through')::bigint)
      AND (NOT p_is_replay OR coalesce(r.enabled, true))
    ORDER BY d.id LIMIT least(p_most, (p_params ->> 'limit')::integer)
  ) AS chosen;
  IF v_ids IS NULL THEN
    SELECT string_agg(route_code, ', ') INTO v_disabled
    FROM (SELECT r.route_code FROM iu_outbound_route AS r
          WHERE p_is_replay AND NOT r.enabled AND (v_route IS NULL OR r.id = v_route) AND (NOT p_params ? 'event_type' OR r.event_type = p_params ->> 'event_type')
            AND EXISTS (SELECT FROM iu_route_dead_letter AS d WHERE d.status = 'open' AND d.route_id = r.id AND (NOT p_params ? 'cause' OR d.cause = p_params ->> 'cause'))
          ORDER BY r.route_code LIMIT 5) AS routes;
    IF v_disabled IS NOT NULL THEN
      RAISE EXCEPTION 'no open dead letter that matches can be attempted: their route is disabled (%)', v_disabled USING ERRCODE = 'IU016', HINT = 'Enable the route first.';
    END IF;
    RAISE EXCEPTION 'no open dead letter matches' USING ERRCODE = 'IU016';
  END IF;
  RETURN v_ids;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_letters(jsonb, jsonb, integer, boolean) IS 'The dead letters that a command on many is about; IU016 when none matches, or none could be attempted; IU003 unknown route';
REVOKE ALL ON FUNCTION iu_core.fn_dot_letters(jsonb, jsonb, integer, boolean) FROM PUBLIC;
