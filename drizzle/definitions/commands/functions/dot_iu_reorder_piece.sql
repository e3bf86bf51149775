-- requires: fn_dot_place, fn_dot_seams, fn_dot_separators_restore, fn_iu_seam_close, fn_iu_seam_open, iu_core
CREATE FUNCTION iu_core.dot_iu_reorder_piece(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_collection constant iu_collection := fn_dot_collection(p_params);
  v_before constant jsonb := fn_dot_piece_facts(v_collection.id, v_unit.id);
  v_at numeric;
  v_was_last boolean;
  v_after jsonb;
  v_changes jsonb;
  v_seams record;
BEGIN
  IF v_before IS NULL THEN
    RAISE EXCEPTION 'piece: % does not stand in %', v_unit.canonical_address, v_collection.canonical_address USING ERRCODE = 'IU003', COLUMN = 'piece';
  ELSIF NOT p_params ?| ARRAY['to', 'after', 'before', 'position', 'at'] THEN
    RAISE EXCEPTION 'to: say where to' USING ERRCODE = 'IU002', COLUMN = 'to', HINT = 'One of to (first, last), after, before, position.';
  ELSIF (p_params ->> 'expect_at')::numeric <> (v_before ->> 'at')::numeric THEN
    RAISE EXCEPTION 'expect_at: the piece has moved since' USING ERRCODE = 'IU014', COLUMN = 'expect_at', HINT = 'Look where it stands now.';
  END IF;
  v_was_last := (SELECT unit_id FROM iu_collection_piece WHERE collection_id = v_collection.id ORDER BY position DESC LIMIT 1) = v_unit.id;
  v_at := fn_dot_place(v_collection.id, v_unit.id, p_params);
  PERFORM fn_iu_collection_reorder(v_collection.id, ARRAY[v_unit.id], ARRAY[v_at]);
  IF p_params ? 'separators' THEN
    v_changes := fn_dot_separators_restore(v_collection, p_params -> 'separators');
  ELSE
    -- What the last piece of a text has behind it ends the text, and separates nothing.
    v_changes := fn_iu_seam_close(v_collection.id, (v_before ->> 'at')::numeric, v_before ->> 'separator');
    v_changes := v_changes || fn_iu_seam_open(v_collection.id, v_unit.id, false, CASE WHEN NOT v_was_last THEN v_before ->> 'separator' END);
  END IF;
  v_seams := fn_dot_seams(v_collection, v_changes, v_unit.id, true);
  v_after := fn_dot_piece_facts(v_collection.id, v_unit.id);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_collection.revision, 'piece', v_before),
    'objects', jsonb_build_array(fn_dot_collection_object(v_collection),
      jsonb_build_object('ref', format('piece:%s#%s', v_collection.canonical_address, v_unit.canonical_address), 'change', 'update', 'before', v_before, 'after', v_after)) || v_seams.objects,
    'refs', jsonb_build_array('unit:' || v_unit.canonical_address),
    'result', jsonb_build_object('at', v_after -> 'at'),
    'checks', jsonb_build_array(jsonb_build_object('name', 'piece_in_place', 'kind', 'piece', 'collection', v_collection.canonical_address, 'unit', v_unit.canonical_address, 'at', v_after -> 'at')),
    'inverse', jsonb_build_object('command', 'dot_iu_reorder_piece', 'params', jsonb_build_object('collection', v_collection.canonical_address, 'piece', v_unit.canonical_address, 'at', v_before -> 'at', 'expect_at', v_after -> 'at', 'separators', v_seams.before)));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_reorder_piece(jsonb, jsonb) IS 'Moves a piece within its collection; one row is written, whatever the collection''s size';
REVOKE ALL ON FUNCTION iu_core.dot_iu_reorder_piece(jsonb, jsonb) FROM PUBLIC;
