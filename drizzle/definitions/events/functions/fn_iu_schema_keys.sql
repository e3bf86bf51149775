-- requires: iu_core
CREATE FUNCTION iu_core.fn_iu_schema_keys(p_schema jsonb)
RETURNS text[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT CASE WHEN p_schema -> 'additionalProperties' = 'false' THEN ARRAY(SELECT jsonb_object_keys(coalesce(p_schema -> 'properties', '{}'))) END $$;
COMMENT ON FUNCTION iu_core.fn_iu_schema_keys(jsonb) IS 'The only names that a payload may have at its root; null where a schema does not forbid others';
REVOKE ALL ON FUNCTION iu_core.fn_iu_schema_keys(jsonb) FROM PUBLIC;
