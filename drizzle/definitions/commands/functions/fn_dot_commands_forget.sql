-- requires: dot_iu_command, iu_core
CREATE FUNCTION iu_core.fn_dot_commands_forget(p_command_codes text[])
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ DELETE FROM dot_iu_command WHERE command_code = ANY (p_command_codes) $$;
COMMENT ON FUNCTION iu_core.fn_dot_commands_forget(text[]) IS 'Removes commands from the registry, the rollback of their registration; the ledger keeps their history';
REVOKE ALL ON FUNCTION iu_core.fn_dot_commands_forget(text[]) FROM PUBLIC;
