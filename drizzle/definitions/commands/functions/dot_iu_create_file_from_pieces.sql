-- requires: fn_dot_collection_created, fn_dot_units, iu_core
CREATE FUNCTION iu_core.dot_iu_create_file_from_pieces(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_units constant information_unit[] := fn_dot_units(p_params -> 'pieces', 'pieces');
  v_id bigint;
BEGIN
  v_id := fn_iu_compose(p_params ->> 'address', 'file', p_params ->> 'title', ARRAY(SELECT u.id FROM unnest(v_units) WITH ORDINALITY AS u ORDER BY u.ordinality), coalesce(p_params ->> 'joiner', E'\n\n'));
  RETURN fn_dot_collection_created(v_id, '[]')
    || jsonb_build_object('state', (SELECT jsonb_agg(u.current_version_seq ORDER BY u.ordinality) FROM unnest(v_units) WITH ORDINALITY AS u),
                          'refs', (SELECT jsonb_agg('unit:' || u.canonical_address) FROM unnest(v_units) AS u));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_create_file_from_pieces(jsonb, jsonb) IS 'Composes a file of pieces that exist, in the given order';
REVOKE ALL ON FUNCTION iu_core.dot_iu_create_file_from_pieces(jsonb, jsonb) FROM PUBLIC;
