-- requires: fn_iu_probe_gates, fn_iu_event_types_register, fn_iu_routes_register
-- Names with the transaction's id, so that two probes at once never meet on a row.
CREATE FUNCTION iu_core.fn_iu_probe_world()
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_name constant text := 'iu_probe.x' || pg_current_xact_id();
BEGIN
  PERFORM fn_iu_probe_gates('{iu_core.route_worker_enabled,iu_core.routes_master_enabled}', true);
  PERFORM fn_iu_event_types_register('application', 'delayed', false, jsonb_build_object(
    v_name || '.plain', '{"description": "iu_probe: two routes"}'::jsonb,
    v_name || '.off', '{"description": "iu_probe: its route is disabled"}'::jsonb,
    v_name || '.unwanted', '{"description": "iu_probe: no route"}'::jsonb,
    v_name || '.live', '{"description": "iu_probe: its route is made live"}'::jsonb,
    v_name || '.strict', '{"description": "iu_probe: a payload with a schema", "payload_schema": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}}'::jsonb));
  PERFORM fn_iu_event_types_register('application', 'immediate', false, jsonb_build_object(v_name || '.once', '{"description": "iu_probe: deduplicated by key"}'::jsonb));
  PERFORM fn_iu_routes_register((
    SELECT jsonb_object_agg(v_name || r.code, jsonb_build_object('event_type', v_name || r.type, 'target_kind', 'log', 'target_ref', 'iu_probe', 'enabled', r.enabled))
    FROM (VALUES ('.plain.a', '.plain', true), ('.plain.b', '.plain', true), ('.off', '.off', false), ('.live', '.live', true), ('.strict', '.strict', true)) AS r(code, type, enabled)));
  RETURN v_name;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_probe_world() IS 'Event types and routes of the probe''s own, and open gates, until the scenario''s subtransaction is taken back; returns the name they begin with';
REVOKE ALL ON FUNCTION iu_core.fn_iu_probe_world() FROM PUBLIC;
