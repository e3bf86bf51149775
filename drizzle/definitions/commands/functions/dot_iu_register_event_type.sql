-- requires: dot_inventory, fn_dot_inventory_register, fn_iu_event_types_register, fn_iu_lock, iu_core
CREATE FUNCTION iu_core.dot_iu_register_event_type(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_type constant text := p_params ->> 'event_type';
  v_before jsonb;
  v_after jsonb;
BEGIN
  -- Two registrations of one name take turns.
  PERFORM fn_iu_lock('iu_core.event_type ' || v_type);
  v_before := (SELECT to_jsonb(t) - 'registered_at' - 'registered_by' - 'payload_predicate' - 'payload_keys' - 'payload_fault' FROM iu_event_type AS t WHERE event_type = v_type);
  IF v_type !~ '^[a-z0-9_]+([.][a-z0-9_]+)*$' THEN
    RAISE EXCEPTION 'event_type: "%" is no name of a type', left(v_type, 80) USING ERRCODE = 'IU002', COLUMN = 'event_type', HINT = 'Use a-z 0-9 _ joined by dots.';
  END IF;
  PERFORM fn_iu_event_types_register('application', coalesce(p_params ->> 'delivery_lane', 'delayed'), false,
    jsonb_build_object(v_type, jsonb_build_object('description', p_params ->> 'description', 'payload_schema', coalesce(p_params -> 'payload_schema', '{}'))));
  v_after := (SELECT to_jsonb(t) - 'registered_at' - 'registered_by' - 'payload_predicate' - 'payload_keys' - 'payload_fault' FROM iu_event_type AS t WHERE event_type = v_type);
  -- What was made by hand exactly so is taken into the inventory, which does not have it.
  IF v_after = v_before AND EXISTS (SELECT FROM dot_inventory WHERE (class, identity) = ('event_type', v_type)) THEN
    RAISE EXCEPTION 'event_type: % is registered like that already', v_type USING ERRCODE = 'IU016', COLUMN = 'event_type';
  END IF;
  PERFORM fn_dot_inventory_register(NULL, '[]', 'event_type', v_type);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('before', v_before),
    'objects', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('ref', 'event_type:' || v_type, 'change', CASE WHEN v_before IS NULL THEN 'create' ELSE 'update' END, 'before', v_before)) || jsonb_build_object('after', v_after)),
    'result', jsonb_build_object('event_type', v_type),
    'notes', CASE WHEN EXISTS (SELECT FROM iu_outbound_route WHERE event_type = v_type) THEN '[]' ELSE jsonb_build_array('No route wants it yet: its events will be skipped as no_route.') END,
    'checks', jsonb_build_array(jsonb_build_object('name', 'event_type_is_registered', 'kind', 'event_type', 'event_type', v_type)),
    'inverse', CASE WHEN v_before IS NOT NULL THEN jsonb_build_object('command', 'dot_iu_register_event_type', 'params', v_before - 'event_domain' - 'is_system') END,
    'irreversible', CASE WHEN v_before IS NULL THEN 'A registered name stays registered: events may carry it.' END);
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_register_event_type(jsonb, jsonb) IS 'Registers an application''s event type; known under the same name it is re-described';
REVOKE ALL ON FUNCTION iu_core.dot_iu_register_event_type(jsonb, jsonb) FROM PUBLIC;
