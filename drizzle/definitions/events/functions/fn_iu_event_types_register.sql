-- requires: iu_event_type
CREATE FUNCTION iu_core.fn_iu_event_types_register(p_event_domain text, p_delivery_lane text, p_is_system boolean, p_types jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_type text;
  v_entry jsonb;
BEGIN
  PERFORM fn_iu_classify('event_domain', ARRAY[p_event_domain], 'event_domain');
  PERFORM fn_iu_classify('delivery_lane', ARRAY[p_delivery_lane], 'delivery_lane');
  IF p_delivery_lane = 'held' THEN
    RAISE EXCEPTION 'delivery_lane: held is where the master gate puts events, no type lives there'
      USING ERRCODE = 'IU002', COLUMN = 'delivery_lane', HINT = 'Use immediate or delayed.';
  END IF;
  FOR v_type, v_entry IN SELECT key, value FROM jsonb_each(p_types) LOOP
    -- A system type cannot be taken over by an application, nor the other way round.
    IF EXISTS (SELECT FROM iu_event_type WHERE event_type = v_type AND is_system <> p_is_system) THEN
      RAISE EXCEPTION 'event_type: % is already registered by %', v_type, CASE WHEN p_is_system THEN 'an application' ELSE 'the system' END
        USING ERRCODE = 'IU008', COLUMN = 'event_type', HINT = 'Choose another name.';
    END IF;
    INSERT INTO iu_event_type (event_type, event_domain, delivery_lane, payload_schema, payload_predicate, is_system, description, registered_by)
    VALUES (v_type, p_event_domain, p_delivery_lane, coalesce(v_entry -> 'payload_schema', '{}'),
            fn_iu_schema_compile(coalesce(v_entry -> 'payload_schema', '{}')), p_is_system, v_entry ->> 'description', fn_iu_actor())
    ON CONFLICT (event_type) DO UPDATE
    SET event_domain = excluded.event_domain, delivery_lane = excluded.delivery_lane, payload_schema = excluded.payload_schema,
        payload_predicate = excluded.payload_predicate, payload_fault = NULL, description = excluded.description,
        registered_at = clock_timestamp(), registered_by = fn_iu_actor()
    WHERE (iu_event_type.event_domain, iu_event_type.delivery_lane, iu_event_type.payload_schema, iu_event_type.payload_predicate::text, iu_event_type.payload_fault, iu_event_type.description)
      IS DISTINCT FROM (excluded.event_domain, excluded.delivery_lane, excluded.payload_schema, excluded.payload_predicate::text, NULL, excluded.description);
  END LOOP;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_event_types_register(text, text, boolean, jsonb) IS 'Registers event types of one domain and lane: {"type": {"description": text, "payload_schema": schema}}; again with the same content changes nothing. IU002 for an unclassified domain or a schema outside the subset, IU008 for a name of the other side';
REVOKE ALL ON FUNCTION iu_core.fn_iu_event_types_register(text, text, boolean, jsonb) FROM PUBLIC;
