CREATE FUNCTION iu_core.fn_dot_object_fields(p_object jsonb)
RETURNS text[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT ARRAY(
    SELECT key FROM (SELECT jsonb_object_keys(coalesce(p_object -> 'before', '{}')) UNION SELECT jsonb_object_keys(coalesce(p_object -> 'after', '{}'))) AS known(key)
    WHERE p_object -> 'before' -> key IS DISTINCT FROM p_object -> 'after' -> key)
$$;
COMMENT ON FUNCTION iu_core.fn_dot_object_fields(jsonb) IS 'The fields in which an object of a receipt is not what it was';
REVOKE ALL ON FUNCTION iu_core.fn_dot_object_fields(jsonb) FROM PUBLIC;
