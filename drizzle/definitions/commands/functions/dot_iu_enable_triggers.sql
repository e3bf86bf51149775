-- requires: fn_dot_triggers_switched, iu_core
CREATE FUNCTION iu_core.dot_iu_enable_triggers(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  RETURN fn_dot_triggers_switched(true);
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_enable_triggers(jsonb, jsonb) IS 'Switches the triggers of the unit family on again';
REVOKE ALL ON FUNCTION iu_core.dot_iu_enable_triggers(jsonb, jsonb) FROM PUBLIC;
