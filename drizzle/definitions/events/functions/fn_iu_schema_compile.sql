-- requires: fn_iu_json_unbounded, fn_iu_schema_predicate
CREATE FUNCTION iu_core.fn_iu_schema_compile(p_schema jsonb)
RETURNS jsonpath
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  -- Anywhere, as a keyword or as the name of a property: strict is always right, lax is four times faster.
  v_is_lax constant boolean := NOT jsonb_path_exists(p_schema, '$.**{0 to 40}.items');
  v_problem constant text := fn_iu_json_unbounded(p_schema, 65536);
BEGIN
  IF v_problem IS NOT NULL THEN
    RAISE EXCEPTION 'payload_schema: %', v_problem USING ERRCODE = 'IU002', COLUMN = 'payload_schema', HINT = 'A schema is at most 64 KB.';
  ELSIF (SELECT count(*) FROM jsonb_path_query(p_schema, 'strict $.**.pattern')) > 32 THEN
    -- So many compiled ones a session of the server keeps: of more it would compile each anew for each event.
    RAISE EXCEPTION 'payload_schema: it has more than 32 patterns' USING ERRCODE = 'IU002', COLUMN = 'payload_schema', HINT = 'Ask for less: an enum, or the type alone.';
  END IF;
  RETURN (CASE WHEN v_is_lax THEN 'lax ' ELSE 'strict ' END || fn_iu_schema_predicate(p_schema, v_is_lax))::jsonpath;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_schema_compile(jsonb) IS 'Compiles a payload schema, but for the names that its root forbids (fn_iu_schema_keys), to one jsonpath predicate: true for a payload that meets it, false for every other. IU002 for a keyword or value outside the subset, and for a schema or a pattern that is too large';
REVOKE ALL ON FUNCTION iu_core.fn_iu_schema_compile(jsonb) FROM PUBLIC;
