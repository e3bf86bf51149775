-- requires: fn_dot_schedule_switched, iu_core
CREATE FUNCTION iu_core.dot_iu_disable_schedule(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  RETURN fn_dot_schedule_switched(false, NULL, NULL, coalesce(p_context ->> 'reason', 'a plan'));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_disable_schedule(jsonb, jsonb) IS 'Stops the passes that the consoles'' servers run, within a second or so; iu worker goes on';
REVOKE ALL ON FUNCTION iu_core.dot_iu_disable_schedule(jsonb, jsonb) FROM PUBLIC;
