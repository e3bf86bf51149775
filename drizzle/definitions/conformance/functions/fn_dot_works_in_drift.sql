-- requires: iu_core
CREATE FUNCTION iu_core.fn_dot_works_in_drift(p_command text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT p_command ~ '^dot_iu_(close|disable|revoke|stop)_' OR p_command IN ('dot_iu_run_probe', 'dot_iu_accept_deviation', 'dot_iu_withdraw_acceptance') $$;
COMMENT ON FUNCTION iu_core.fn_dot_works_in_drift(text) IS 'Whether a command shuts something, only tries and takes it back, or decides on drift itself: such a one is never refused for drift';
REVOKE ALL ON FUNCTION iu_core.fn_dot_works_in_drift(text) FROM PUBLIC;
