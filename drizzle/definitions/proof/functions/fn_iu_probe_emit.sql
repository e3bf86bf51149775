-- requires: fn_iu_emit_event
CREATE FUNCTION iu_core.fn_iu_probe_emit(p_event_types text[], p_payload jsonb DEFAULT '{"n": 1}')
RETURNS bigint[]
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_ids bigint[] := '{}';
BEGIN
  FOR i IN 1 .. cardinality(p_event_types) LOOP
    v_ids := v_ids || fn_iu_emit_event(p_event_types[i], 'iu_probe', format('iu_probe/%s', i), p_payload);
  END LOOP;
  RETURN v_ids;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_probe_emit(text[], jsonb) IS 'Emits an event of each type with the probe''s marker; returns their ids';
REVOKE ALL ON FUNCTION iu_core.fn_iu_probe_emit(text[], jsonb) FROM PUBLIC;
