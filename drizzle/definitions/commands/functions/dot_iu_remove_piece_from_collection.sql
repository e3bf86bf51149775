-- requires: fn_dot_piece_facts, fn_dot_seams, fn_dot_separators_restore, fn_iu_seam_close, iu_core
CREATE FUNCTION iu_core.dot_iu_remove_piece_from_collection(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_collection constant iu_collection := fn_dot_collection(p_params);
  v_before constant jsonb := fn_dot_piece_facts(v_collection.id, v_unit.id);
  v_changes jsonb;
  v_seams record;
BEGIN
  IF v_before IS NULL THEN
    RAISE EXCEPTION 'piece: % does not stand in %', v_unit.canonical_address, v_collection.canonical_address USING ERRCODE = 'IU003', COLUMN = 'piece';
  END IF;
  PERFORM fn_iu_collection_remove(v_collection.id, ARRAY[v_unit.id]);
  v_changes := CASE WHEN p_params ? 'separators' THEN fn_dot_separators_restore(v_collection, p_params -> 'separators')
    ELSE fn_iu_seam_close(v_collection.id, (v_before ->> 'at')::numeric, v_before ->> 'separator') END;
  v_seams := fn_dot_seams(v_collection, v_changes, v_unit.id, false);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_collection.revision, 'piece', v_before),
    'objects', jsonb_build_array(fn_dot_collection_object(v_collection),
      jsonb_build_object('ref', format('piece:%s#%s', v_collection.canonical_address, v_unit.canonical_address), 'change', 'delete', 'before', v_before)) || v_seams.objects,
    'refs', jsonb_build_array('unit:' || v_unit.canonical_address),
    'checks', jsonb_build_array(
      jsonb_build_object('name', 'piece_gone_from_collection', 'kind', 'piece_absent', 'collection', v_collection.canonical_address, 'unit', v_unit.canonical_address),
      jsonb_build_object('name', 'piece_lives_on', 'kind', 'unit', 'unit', v_unit.canonical_address, 'status', v_unit.lifecycle_status)),
    'inverse', jsonb_build_object('command', 'dot_iu_add_piece', 'params', jsonb_build_object('collection', v_collection.canonical_address, 'piece', v_unit.canonical_address, 'separators', v_seams.before) || (v_before - 'after')))
    || CASE WHEN v_unit.lifecycle_status = 'retired' THEN '{"inverse": null, "irreversible": "A retired piece cannot be added anywhere; restore it first."}'::jsonb ELSE '{}' END;
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_remove_piece_from_collection(jsonb, jsonb) IS 'Takes a piece out of a collection; the piece lives on';
REVOKE ALL ON FUNCTION iu_core.dot_iu_remove_piece_from_collection(jsonb, jsonb) FROM PUBLIC;
