-- requires: fn_iu_lifecycle_set, iu_core
CREATE FUNCTION iu_core.dot_iu_retire_piece(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
BEGIN
  IF v_unit.lifecycle_status IN ('retired', 'deleted') THEN
    RAISE EXCEPTION 'piece: % is % already', v_unit.canonical_address, v_unit.lifecycle_status USING ERRCODE = 'IU009', COLUMN = 'piece';
  END IF;
  PERFORM fn_iu_lifecycle_set(v_unit.id, 'retired');
  PERFORM fn_iu_outbox_append('piece_retired', 'iu_collection', array_agg(c.canonical_address ORDER BY c.id),
    array_agg(jsonb_build_object('collection_address', c.canonical_address, 'unit_id', v_unit.id, 'unit_address', v_unit.canonical_address) ORDER BY c.id))
  FROM iu_collection_piece AS p JOIN iu_collection AS c ON c.id = p.collection_id WHERE p.unit_id = v_unit.id HAVING count(*) > 0;
  RETURN fn_dot_lifecycle_changed(v_unit, 'retired');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_retire_piece(jsonb, jsonb) IS 'Retires a piece: no new use anywhere; where it stands it stays, and its history too';
REVOKE ALL ON FUNCTION iu_core.dot_iu_retire_piece(jsonb, jsonb) FROM PUBLIC;
