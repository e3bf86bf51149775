-- requires: iu_event_type, fn_iu_schema_compile
-- A schema that was taken before, and would not be by now, stays what it is: nobody's deployment fails of it. Events of its type
-- are told to be ones that cannot be judged, until somebody registers it anew.
CREATE FUNCTION iu_core.fn_iu_event_types_recompile()
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_type iu_event_type;
  v_predicate jsonpath;
  v_fault text;
  v_changed bigint := 0;
BEGIN
  FOR v_type IN SELECT * FROM iu_event_type ORDER BY event_type LOOP
    v_fault := NULL;
    BEGIN
      v_predicate := fn_iu_schema_compile(v_type.payload_schema);
    EXCEPTION WHEN SQLSTATE 'IU002' THEN
      v_predicate := 'strict 1 == 0';
      v_fault := format('its type''s schema is one that is not taken any more: %s', SQLERRM);
    END;
    IF (v_type.payload_predicate::text, v_type.payload_fault) IS DISTINCT FROM (v_predicate::text, v_fault) THEN
      UPDATE iu_event_type SET payload_predicate = v_predicate, payload_fault = v_fault WHERE event_type = v_type.event_type;
      v_changed := v_changed + 1;
    END IF;
  END LOOP;
  RETURN v_changed;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_event_types_recompile() IS 'Compiles every payload schema anew, for a deployment that changes the compiler; one that is not taken any more becomes the payload_fault of its type. Returns how many changed';
REVOKE ALL ON FUNCTION iu_core.fn_iu_event_types_recompile() FROM PUBLIC;
