-- requires: fn_dot_schedule_switched, iu_core
CREATE FUNCTION iu_core.dot_iu_enable_schedule(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  RETURN fn_dot_schedule_switched(true, (p_params ->> 'poll_ms')::integer, (p_params ->> 'batch_size')::integer, coalesce(p_context ->> 'reason', 'a plan'));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_enable_schedule(jsonb, jsonb) IS 'Lets the consoles'' servers run the passes of every worker, at this pace';
REVOKE ALL ON FUNCTION iu_core.dot_iu_enable_schedule(jsonb, jsonb) FROM PUBLIC;
