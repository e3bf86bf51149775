-- requires: fn_dot_lifecycle_changed, fn_dot_seams, fn_dot_separators_restore, fn_iu_seam_close, iu_collection_piece_parked, iu_core
CREATE FUNCTION iu_core.dot_iu_soft_delete_piece(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_collections iu_collection[];
  v_pieces jsonb := '[]';
  v_facts jsonb;
  v_seams record;
  v_separators jsonb := '[]';
BEGIN
  IF v_unit.lifecycle_status = 'deleted' THEN
    RAISE EXCEPTION 'piece: % is deleted already', v_unit.canonical_address USING ERRCODE = 'IU009', COLUMN = 'piece';
  END IF;
  PERFORM FROM iu_collection WHERE id IN (SELECT collection_id FROM iu_collection_piece WHERE unit_id = v_unit.id) ORDER BY id FOR NO KEY UPDATE;
  SELECT coalesce(array_agg(c ORDER BY c.id), '{}') INTO v_collections
  FROM iu_collection AS c JOIN iu_collection_piece AS p ON p.collection_id = c.id WHERE p.unit_id = v_unit.id;
  -- Where it stood is kept beside it, so that a restore knows the place.
  INSERT INTO iu_collection_piece_parked (collection_id, unit_id, position, pinned_version_seq, separator)
  SELECT collection_id, unit_id, position, pinned_version_seq, separator FROM iu_collection_piece WHERE unit_id = v_unit.id;
  FOR i IN 1 .. cardinality(v_collections) LOOP
    v_facts := fn_dot_piece_facts(v_collections[i].id, v_unit.id);
    PERFORM fn_iu_collection_remove(v_collections[i].id, ARRAY[v_unit.id]);
    v_seams := fn_dot_seams(v_collections[i], CASE WHEN p_params ? 'separators' THEN fn_dot_separators_restore(v_collections[i], p_params -> 'separators')
      ELSE fn_iu_seam_close(v_collections[i].id, (v_facts ->> 'at')::numeric, v_facts ->> 'separator') END, v_unit.id, false);
    v_separators := v_separators || v_seams.before;
    v_pieces := v_pieces || fn_dot_collection_object(v_collections[i])
      || jsonb_build_object('ref', format('piece:%s#%s', v_collections[i].canonical_address, v_unit.canonical_address), 'change', 'delete', 'before', v_facts) || v_seams.objects;
  END LOOP;
  PERFORM fn_iu_lifecycle_set(v_unit.id, 'deleted');
  v_facts := fn_dot_lifecycle_changed(v_unit, 'deleted');
  RETURN v_facts || jsonb_build_object(
    'state', (v_facts -> 'state') || jsonb_build_object('revisions', (SELECT jsonb_agg(c.revision ORDER BY c.id) FROM unnest(v_collections) AS c)),
    'objects', (v_facts -> 'objects') || v_pieces,
    'inverse', jsonb_set(v_facts -> 'inverse', '{params,separators}', v_separators),
    'checks', (v_facts -> 'checks') || jsonb_build_object('name', 'piece_in_no_manifest', 'kind', 'unit_unused', 'unit', v_unit.canonical_address),
    'notes', CASE WHEN cardinality(v_collections) > 1 THEN jsonb_build_array(format('It leaves %s collections.', cardinality(v_collections))) ELSE '[]' END);
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_soft_delete_piece(jsonb, jsonb) IS 'Soft-deletes a piece: it leaves every manifest, and a restore brings it back';
REVOKE ALL ON FUNCTION iu_core.dot_iu_soft_delete_piece(jsonb, jsonb) FROM PUBLIC;
