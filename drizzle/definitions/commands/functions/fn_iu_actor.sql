-- requires: dot_iu_acting, iu_core
CREATE FUNCTION iu_core.fn_iu_actor()
RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT coalesce((SELECT actor FROM dot_iu_acting WHERE xid = pg_current_xact_id_if_assigned()), 'db:' || session_user) $$;
COMMENT ON FUNCTION iu_core.fn_iu_actor() IS 'For whom this is written: the actor of the command under way, or the login as db:NAME, which no account is called';
REVOKE ALL ON FUNCTION iu_core.fn_iu_actor() FROM PUBLIC;
