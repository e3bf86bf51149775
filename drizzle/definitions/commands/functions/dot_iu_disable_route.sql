-- requires: iu_core, iu_outbound_route
CREATE FUNCTION iu_core.dot_iu_disable_route(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  RETURN fn_dot_route_switched(p_params ->> 'route', false);
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_disable_route(jsonb, jsonb) IS 'Disables a route; its events are skipped as route_disabled, and none is lost';
REVOKE ALL ON FUNCTION iu_core.dot_iu_disable_route(jsonb, jsonb) FROM PUBLIC;
