-- requires: fn_dot_seams, fn_dot_unit_object, fn_iu_seam_open, iu_core
CREATE FUNCTION iu_core.dot_iu_create_piece(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_unit_id bigint;
  v_collection iu_collection;
  v_objects jsonb;
  v_seams record;
  v_separators jsonb := '[]';
BEGIN
  v_unit_id := fn_iu_create(p_params ->> 'address', p_params ->> 'kind', p_params ->> 'body', coalesce(p_params ->> 'title', ''));
  v_objects := jsonb_build_array(fn_dot_unit_object(NULL, v_unit_id));
  IF p_params ? 'collection' THEN
    v_collection := fn_dot_collection(p_params);
    PERFORM fn_iu_collection_add(v_collection.id, ARRAY[v_unit_id], ARRAY[fn_dot_place(v_collection.id, v_unit_id, p_params)], ARRAY[p_params ->> 'separator']);
    v_seams := fn_dot_seams(v_collection, fn_iu_seam_open(v_collection.id, v_unit_id, p_params ? 'separator', NULL), v_unit_id, false);
    v_separators := v_seams.before;
    v_objects := v_objects || fn_dot_collection_object(v_collection) || jsonb_build_object(
      'ref', format('piece:%s#%s', v_collection.canonical_address, p_params ->> 'address'), 'change', 'create', 'after', fn_dot_piece_facts(v_collection.id, v_unit_id)) || v_seams.objects;
  ELSIF p_params ?| ARRAY['to', 'after', 'before', 'position', 'separator'] THEN
    RAISE EXCEPTION 'collection: a place needs the collection that it is in' USING ERRCODE = 'IU002', COLUMN = 'collection';
  END IF;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_collection.revision),
    'objects', v_objects,
    'result', jsonb_build_object('piece', p_params -> 'address'),
    'checks', jsonb_build_array(jsonb_build_object('name', 'piece_born', 'kind', 'unit', 'unit', p_params -> 'address', 'status', 'draft', 'version', 1, 'sha256', encode(sha256(convert_to(p_params ->> 'body', 'UTF8')), 'hex')))
      || CASE WHEN v_collection.id IS NULL THEN '[]' ELSE jsonb_build_array(jsonb_build_object('name', 'piece_in_place', 'kind', 'piece', 'collection', v_collection.canonical_address, 'unit', p_params -> 'address', 'at', fn_dot_piece_facts(v_collection.id, v_unit_id) -> 'at')) END,
    'inverse', jsonb_build_object('command', 'dot_iu_soft_delete_piece', 'params', jsonb_build_object('piece', p_params -> 'address', 'separators', v_separators)));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_create_piece(jsonb, jsonb) IS 'Makes a unit, and puts it into a collection where one is named';
REVOKE ALL ON FUNCTION iu_core.dot_iu_create_piece(jsonb, jsonb) FROM PUBLIC;
