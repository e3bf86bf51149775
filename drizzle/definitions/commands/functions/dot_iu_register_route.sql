-- requires: dot_inventory, fn_dot_inventory_register, fn_iu_lock, fn_iu_routes_register, iu_core
CREATE FUNCTION iu_core.dot_iu_register_route(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_code constant text := p_params ->> 'route';
  v_before jsonb;
  v_after jsonb;
BEGIN
  PERFORM fn_iu_lock('iu_core.route ' || v_code);
  v_before := (SELECT jsonb_build_object('event_type', event_type, 'target_kind', target_kind, 'target_ref', target_ref, 'enabled', enabled, 'dry_run', dry_run) FROM iu_outbound_route WHERE route_code = v_code);
  IF v_code !~ '^[a-z0-9_]+([.][a-z0-9_]+)*$' THEN
    RAISE EXCEPTION 'route: "%" is no code of a route', left(v_code, 80) USING ERRCODE = 'IU002', COLUMN = 'route', HINT = 'Use a-z 0-9 _ joined by dots.';
  ELSIF EXISTS (SELECT FROM iu_event_type WHERE event_type IN (p_params ->> 'event_type', v_before ->> 'event_type') AND is_system) AND v_before IS NOT NULL THEN
    RAISE EXCEPTION 'route: % is one of the system''s', v_code USING ERRCODE = 'IU008', COLUMN = 'route', HINT = 'Choose another code.';
  END IF;
  IF v_before IS NOT NULL AND p_params ? 'enabled' AND p_params -> 'enabled' <> v_before -> 'enabled' THEN
    RAISE EXCEPTION 'enabled: a route that is known keeps its switch' USING ERRCODE = 'IU002', COLUMN = 'enabled', HINT = 'Use dot_iu_enable_route or dot_iu_disable_route.';
  END IF;
  PERFORM fn_iu_routes_register(jsonb_build_object(v_code, jsonb_build_object('event_type', p_params -> 'event_type', 'target_kind', p_params -> 'target_kind', 'target_ref', p_params -> 'target_ref', 'enabled', coalesce(p_params -> 'enabled', 'false'))));
  v_after := (SELECT jsonb_build_object('event_type', event_type, 'target_kind', target_kind, 'target_ref', target_ref, 'enabled', enabled, 'dry_run', dry_run) FROM iu_outbound_route WHERE route_code = v_code);
  -- What was made by hand exactly so is taken into the inventory, which does not have it.
  IF v_after = v_before AND EXISTS (SELECT FROM dot_inventory WHERE (class, identity) = ('route', v_code)) THEN
    RAISE EXCEPTION 'route: % is registered like that already', v_code USING ERRCODE = 'IU016', COLUMN = 'route';
  END IF;
  PERFORM fn_dot_inventory_register(NULL, '[]', 'route', v_code);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('before', v_before),
    'objects', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('ref', 'route:' || v_code, 'change', CASE WHEN v_before IS NULL THEN 'create' ELSE 'update' END, 'before', v_before, 'after', v_after))),
    'result', jsonb_build_object('route', v_code),
    'checks', jsonb_build_array(jsonb_build_object('name', 'route_is_registered', 'kind', 'route', 'route', v_code, 'enabled', v_after -> 'enabled')),
    'inverse', CASE WHEN v_before IS NOT NULL THEN jsonb_build_object('command', 'dot_iu_register_route', 'params', jsonb_build_object('route', v_code) || (v_before - 'enabled' - 'dry_run'))
                    WHEN (v_after -> 'enabled')::boolean THEN jsonb_build_object('command', 'dot_iu_disable_route', 'params', jsonb_build_object('route', v_code)) END,
    'irreversible', CASE WHEN v_before IS NULL AND NOT (v_after -> 'enabled')::boolean THEN 'A route stays registered; disabled, it delivers nothing.' END);
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_register_route(jsonb, jsonb) IS 'Registers a route as a dry run; known under the same code it is redefined, and loses its approval';
REVOKE ALL ON FUNCTION iu_core.dot_iu_register_route(jsonb, jsonb) FROM PUBLIC;
