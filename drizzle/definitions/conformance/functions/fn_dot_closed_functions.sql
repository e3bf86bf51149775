-- requires: iu_core
-- Written by `iu db draft` from server/deploy/principals.ts, which is also what bootstrap works from; edit that.
CREATE FUNCTION iu_core.fn_dot_closed_functions()
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT '^(pg_(try_)?advisory_|pg_logical_emit_message$|lo_|loread$|lowrite$)' $$;
COMMENT ON FUNCTION iu_core.fn_dot_closed_functions() IS 'The names, as a regular expression, of the functions of PostgreSQL that bootstrap takes from PUBLIC: locks, large objects, messages into the log';
REVOKE ALL ON FUNCTION iu_core.fn_dot_closed_functions() FROM PUBLIC;
