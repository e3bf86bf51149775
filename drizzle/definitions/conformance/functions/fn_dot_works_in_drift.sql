-- requires: iu_core
CREATE FUNCTION iu_core.fn_dot_works_in_drift(p_command text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT p_command ~ '^dot_iu_(close|disable|revoke|stop)_' OR p_command = 'dot_iu_run_probe' $$;
COMMENT ON FUNCTION iu_core.fn_dot_works_in_drift(text) IS 'Whether a command shuts something, or only tries and takes it back: such a one is never refused for drift';
REVOKE ALL ON FUNCTION iu_core.fn_dot_works_in_drift(text) FROM PUBLIC;
