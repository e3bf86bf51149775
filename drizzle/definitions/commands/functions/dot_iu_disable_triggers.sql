-- requires: fn_dot_triggers_switched, iu_core
CREATE FUNCTION iu_core.dot_iu_disable_triggers(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  RETURN fn_dot_triggers_switched(false) || jsonb_build_object('notes', jsonb_build_array(
    'Stops: iu.created, iu.version_applied, iu.retired and iu.soft_deleted.',
    'LOSES EVENTS: what changes while they are off is never reported, not even after they are on again. L0 and L1 stop the routing and lose nothing.'));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_disable_triggers(jsonb, jsonb) IS 'Switches off the triggers that emit the unit family: while they are off those events are lost';
REVOKE ALL ON FUNCTION iu_core.dot_iu_disable_triggers(jsonb, jsonb) FROM PUBLIC;
