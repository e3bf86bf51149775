-- requires: iu_sync_layer
CREATE FUNCTION iu_core.fn_iu_sync_layers_retract()
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ DELETE FROM iu_sync_layer $$;
COMMENT ON FUNCTION iu_core.fn_iu_sync_layers_retract() IS 'Takes the layers away: the rollback of their declaration';
REVOKE ALL ON FUNCTION iu_core.fn_iu_sync_layers_retract() FROM PUBLIC;
