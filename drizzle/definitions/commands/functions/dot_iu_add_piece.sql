-- requires: fn_dot_place, fn_dot_seams, fn_dot_separators_restore, fn_iu_seam_open, iu_core
CREATE FUNCTION iu_core.dot_iu_add_piece(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_collection constant iu_collection := fn_dot_collection(p_params);
  v_facts jsonb;
  v_changes jsonb;
  v_seams record;
BEGIN
  IF EXISTS (SELECT FROM iu_collection_piece WHERE collection_id = v_collection.id AND unit_id = v_unit.id) THEN
    RAISE EXCEPTION 'piece: % stands in % already', v_unit.canonical_address, v_collection.canonical_address USING ERRCODE = 'IU004', COLUMN = 'piece', HINT = 'A piece stands in a collection at most once; move it instead.';
  ELSIF p_params ? 'pinned_version' AND NOT EXISTS (SELECT FROM unit_version WHERE unit_id = v_unit.id AND version_seq = (p_params ->> 'pinned_version')::integer) THEN
    RAISE EXCEPTION 'pinned_version: the piece has no version %', p_params ->> 'pinned_version' USING ERRCODE = 'IU003', COLUMN = 'pinned_version';
  END IF;
  PERFORM fn_iu_collection_add(v_collection.id, ARRAY[v_unit.id], ARRAY[fn_dot_place(v_collection.id, v_unit.id, p_params)], ARRAY[p_params ->> 'separator'], ARRAY[(p_params ->> 'pinned_version')::integer]);
  v_changes := CASE WHEN p_params ? 'separators' THEN fn_dot_separators_restore(v_collection, p_params -> 'separators')
    ELSE fn_iu_seam_open(v_collection.id, v_unit.id, p_params ? 'separator', NULL) END;
  v_seams := fn_dot_seams(v_collection, v_changes, v_unit.id, false);
  v_facts := fn_dot_piece_facts(v_collection.id, v_unit.id);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_collection.revision, 'version', v_unit.current_version_seq, 'status', v_unit.lifecycle_status),
    'objects', jsonb_build_array(fn_dot_collection_object(v_collection),
      jsonb_build_object('ref', format('piece:%s#%s', v_collection.canonical_address, v_unit.canonical_address), 'change', 'create', 'after', v_facts)) || v_seams.objects,
    'refs', jsonb_build_array('unit:' || v_unit.canonical_address),
    'result', jsonb_build_object('at', v_facts -> 'at'),
    'checks', jsonb_build_array(jsonb_build_object('name', 'piece_in_place', 'kind', 'piece', 'collection', v_collection.canonical_address, 'unit', v_unit.canonical_address, 'at', v_facts -> 'at')),
    'inverse', jsonb_build_object('command', 'dot_iu_remove_piece_from_collection', 'params', jsonb_build_object('collection', v_collection.canonical_address, 'piece', v_unit.canonical_address, 'separators', v_seams.before)));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_add_piece(jsonb, jsonb) IS 'Puts a piece into a collection';
REVOKE ALL ON FUNCTION iu_core.dot_iu_add_piece(jsonb, jsonb) FROM PUBLIC;
