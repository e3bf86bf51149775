-- requires: iu_core, iu_outbound_route
CREATE FUNCTION iu_core.fn_dot_route_switched(p_route_code text, p_enabled boolean)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_route iu_outbound_route;
BEGIN
  SELECT * INTO v_route FROM iu_outbound_route WHERE route_code = p_route_code FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'route: there is no %', p_route_code USING ERRCODE = 'IU003', COLUMN = 'route';
  ELSIF v_route.enabled = p_enabled THEN
    RAISE EXCEPTION 'route: % is % already', p_route_code, CASE WHEN p_enabled THEN 'enabled' ELSE 'disabled' END USING ERRCODE = 'IU016', COLUMN = 'route';
  END IF;
  UPDATE iu_outbound_route SET enabled = p_enabled WHERE id = v_route.id;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('enabled', v_route.enabled, 'dry_run', v_route.dry_run, 'definition', encode(v_route.definition_digest, 'hex')),
    'objects', jsonb_build_array(jsonb_build_object('ref', 'route:' || p_route_code, 'change', 'update', 'before', jsonb_build_object('enabled', v_route.enabled), 'after', jsonb_build_object('enabled', p_enabled))),
    'result', jsonb_build_object('route', p_route_code, 'enabled', p_enabled),
    'checks', jsonb_build_array(jsonb_build_object('name', CASE WHEN p_enabled THEN 'route_is_enabled' ELSE 'route_is_disabled' END, 'kind', 'route', 'route', p_route_code, 'enabled', p_enabled)),
    'inverse', jsonb_build_object('command', CASE WHEN p_enabled THEN 'dot_iu_disable_route' ELSE 'dot_iu_enable_route' END, 'params', jsonb_build_object('route', p_route_code)));
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_route_switched(text, boolean) IS 'Switches a route and returns what the handlers return; IU003 unknown, IU016 it is so already';
REVOKE ALL ON FUNCTION iu_core.fn_dot_route_switched(text, boolean) FROM PUBLIC;
