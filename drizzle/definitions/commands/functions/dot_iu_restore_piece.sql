-- requires: fn_dot_seams, fn_dot_separators_restore, fn_iu_begins_text, fn_iu_lifecycle_set, fn_iu_seam_open, iu_collection_piece_parked, iu_core
CREATE FUNCTION iu_core.dot_iu_restore_piece(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
AS $$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_parked record;
  v_at numeric;
  v_objects jsonb := '[]';
  v_checks jsonb := '[]';
  v_notes jsonb := '[]';
  v_revisions jsonb := '[]';
  v_status text;
  v_first record;
  v_seams record;
  v_separators jsonb := '[]';
BEGIN
  IF v_unit.lifecycle_status NOT IN ('retired', 'deleted') THEN
    RAISE EXCEPTION 'piece: % is %, there is nothing to restore', v_unit.canonical_address, v_unit.lifecycle_status USING ERRCODE = 'IU009', COLUMN = 'piece';
  END IF;
  v_status := fn_iu_lifecycle_set(v_unit.id, NULL);
  IF v_unit.lifecycle_status = 'deleted' THEN
    PERFORM FROM iu_collection WHERE id IN (SELECT collection_id FROM iu_collection_piece_parked WHERE unit_id = v_unit.id) ORDER BY id FOR NO KEY UPDATE;
    FOR v_parked IN
      SELECT k.position, k.pinned_version_seq, k.separator, c AS collection FROM iu_collection_piece_parked AS k JOIN iu_collection AS c ON c.id = k.collection_id WHERE k.unit_id = v_unit.id ORDER BY c.id
    LOOP
      v_at := v_parked.position;
      IF EXISTS (SELECT FROM iu_collection_piece WHERE collection_id = (v_parked.collection).id AND position = v_at) THEN
        v_at := (fn_iu_positions_between(v_at, (SELECT min(position) FROM iu_collection_piece WHERE collection_id = (v_parked.collection).id AND position > v_at), 1))[1];
        v_notes := v_notes || to_jsonb(format('In %s another piece stands at its place; it comes directly after that one.', (v_parked.collection).canonical_address));
      END IF;
      -- What a text must begin with comes first again, and nothing before it.
      SELECT min(o.position) AS at, (SELECT min(n.position) FROM iu_collection_piece AS n WHERE n.collection_id = (v_parked.collection).id AND n.position > min(o.position)) AS next INTO v_first
      FROM iu_collection_piece AS o WHERE o.collection_id = (v_parked.collection).id;
      IF v_at > v_first.at AND fn_iu_begins_text(v_unit.id) THEN
        v_at := (fn_iu_positions_between(NULL, v_first.at, 1))[1];
        v_notes := v_notes || to_jsonb(format('In %s it comes first, because a text begins with it.', (v_parked.collection).canonical_address));
      ELSIF v_at < v_first.at AND fn_iu_begins_text((SELECT unit_id FROM iu_collection_piece WHERE collection_id = (v_parked.collection).id AND position = v_first.at)) THEN
        v_at := (fn_iu_positions_between(v_first.at, v_first.next, 1))[1];
        v_notes := v_notes || to_jsonb(format('In %s it comes second, because the text begins with another piece.', (v_parked.collection).canonical_address));
      END IF;
      PERFORM fn_iu_collection_put((v_parked.collection).id, ARRAY[v_unit.id], ARRAY[v_at], ARRAY[v_parked.separator], ARRAY[v_parked.pinned_version_seq]);
      v_seams := fn_dot_seams(v_parked.collection, CASE WHEN p_params ? 'separators' THEN fn_dot_separators_restore(v_parked.collection, p_params -> 'separators')
        ELSE fn_iu_seam_open((v_parked.collection).id, v_unit.id, coalesce(v_parked.separator ~ '\S', false), v_parked.separator) END, v_unit.id, false);
      v_separators := v_separators || v_seams.before;
      v_objects := v_objects || fn_dot_collection_object(v_parked.collection) || jsonb_build_object(
        'ref', format('piece:%s#%s', (v_parked.collection).canonical_address, v_unit.canonical_address), 'change', 'create', 'after', fn_dot_piece_facts((v_parked.collection).id, v_unit.id)) || v_seams.objects;
      v_checks := v_checks || jsonb_build_object('name', 'piece_in_place', 'kind', 'piece', 'collection', (v_parked.collection).canonical_address, 'unit', v_unit.canonical_address, 'at', v_at::text);
      v_revisions := v_revisions || to_jsonb((v_parked.collection).revision);
    END LOOP;
    DELETE FROM iu_collection_piece_parked WHERE unit_id = v_unit.id;
  END IF;
  PERFORM fn_iu_outbox_append('piece_restored', 'iu_collection', array_agg(c.canonical_address ORDER BY c.id),
    array_agg(jsonb_build_object('collection_address', c.canonical_address, 'unit_id', v_unit.id, 'unit_address', v_unit.canonical_address) ORDER BY c.id))
  FROM iu_collection_piece AS p JOIN iu_collection AS c ON c.id = p.collection_id WHERE p.unit_id = v_unit.id HAVING count(*) > 0;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('status', v_unit.lifecycle_status, 'version', v_unit.current_version_seq, 'revisions', v_revisions),
    'objects', jsonb_build_array(fn_dot_unit_object(v_unit, v_unit.id)) || v_objects,
    'result', jsonb_build_object('status', v_status),
    'notes', v_notes,
    'checks', jsonb_build_array(jsonb_build_object('name', 'piece_is_' || v_status, 'kind', 'unit', 'unit', v_unit.canonical_address, 'status', v_status)) || v_checks,
    'inverse', jsonb_build_object('command', CASE v_unit.lifecycle_status WHEN 'retired' THEN 'dot_iu_retire_piece' ELSE 'dot_iu_soft_delete_piece' END, 'params', jsonb_build_object('piece', v_unit.canonical_address)
      || CASE WHEN v_unit.lifecycle_status = 'deleted' THEN jsonb_build_object('separators', v_separators) ELSE '{}' END));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_restore_piece(jsonb, jsonb) IS 'Brings a retired or soft-deleted piece back to what it was before, and to its places where they are still free';
REVOKE ALL ON FUNCTION iu_core.dot_iu_restore_piece(jsonb, jsonb) FROM PUBLIC;
