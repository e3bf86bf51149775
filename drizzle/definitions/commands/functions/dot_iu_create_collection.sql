-- requires: fn_dot_collection_created, iu_core
CREATE FUNCTION iu_core.dot_iu_create_collection(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_id constant bigint := fn_iu_compose(p_params ->> 'address', p_params ->> 'kind', p_params ->> 'title', '{}', coalesce(p_params ->> 'joiner', E'\n\n'));
BEGIN
  RETURN fn_dot_collection_created(v_id, '[]');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_create_collection(jsonb, jsonb) IS 'Makes an empty collection';
REVOKE ALL ON FUNCTION iu_core.dot_iu_create_collection(jsonb, jsonb) FROM PUBLIC;
