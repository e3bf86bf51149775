CREATE FUNCTION iu_core.fn_iu_system_identifier()
RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT system_identifier FROM pg_control_system() $$;
COMMENT ON FUNCTION iu_core.fn_iu_system_identifier() IS 'The cluster that this database runs in; transaction ids of another mean nothing here';
REVOKE ALL ON FUNCTION iu_core.fn_iu_system_identifier() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_system_identifier() TO iu_reader;
