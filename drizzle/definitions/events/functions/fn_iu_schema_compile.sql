-- requires: fn_iu_schema_predicate
CREATE FUNCTION iu_core.fn_iu_schema_compile(p_schema jsonb)
RETURNS jsonpath
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  -- Anywhere, as a keyword or as the name of a property: strict is always right, lax is four times faster.
  v_is_lax constant boolean := NOT jsonb_path_exists(p_schema, '$.**.items');
BEGIN
  RETURN (CASE WHEN v_is_lax THEN 'lax ' ELSE 'strict ' END || fn_iu_schema_predicate(p_schema, v_is_lax))::jsonpath;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_schema_compile(jsonb) IS 'Compiles a payload schema, but for the names that its root forbids (fn_iu_schema_keys), to one jsonpath predicate: true for a payload that meets it, false for every other. IU002 for a keyword or value outside the subset';
REVOKE ALL ON FUNCTION iu_core.fn_iu_schema_compile(jsonb) FROM PUBLIC;
