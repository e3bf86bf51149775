CREATE FUNCTION iu_core.fn_iu_collection_reorder(p_collection_id bigint, p_unit_ids bigint[], p_positions numeric[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_address text;
  v_tail integer;
  v_moved integer;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  IF cardinality(p_positions) IS DISTINCT FROM cardinality(p_unit_ids) OR array_position(p_positions, NULL) > 0 THEN
    RAISE EXCEPTION 'unit_ids and positions must be arrays of one length, each unit with its position' USING ERRCODE = 'IU002', COLUMN = 'positions';
  END IF;
  SELECT canonical_address INTO v_address FROM iu_collection WHERE id = p_collection_id FOR NO KEY UPDATE;
  v_tail := fn_iu_collection_tail(p_collection_id);
  BEGIN
    UPDATE iu_collection_piece AS p SET position = g.position
    FROM unnest(p_unit_ids, p_positions) AS g(unit_id, position)
    WHERE p.collection_id = p_collection_id AND p.unit_id = g.unit_id;
  EXCEPTION WHEN unique_violation THEN
    RAISE EXCEPTION 'positions: a position holds one piece' USING ERRCODE = 'IU004', COLUMN = 'positions';
  END;
  GET DIAGNOSTICS v_moved = ROW_COUNT;
  IF v_moved IS DISTINCT FROM cardinality(p_unit_ids) THEN
    RAISE EXCEPTION 'unit_ids: names a unit that does not stand in the collection' USING ERRCODE = 'IU003', COLUMN = 'unit_ids';
  END IF;
  IF v_moved > 0 THEN
    PERFORM fn_iu_collection_touch(p_collection_id, 0, v_tail - fn_iu_collection_tail(p_collection_id));
  END IF;
  PERFORM fn_iu_outbox_append('piece_reordered', 'iu_collection', array_agg(v_address ORDER BY g.n),
    array_agg(jsonb_build_object('collection_address', v_address, 'unit_id', u.id, 'unit_address', u.canonical_address, 'position', g.position) ORDER BY g.n))
  FROM unnest(p_unit_ids, p_positions) WITH ORDINALITY AS g(unit_id, position, n) JOIN information_unit AS u ON u.id = g.unit_id
  HAVING count(*) > 0;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_collection_reorder(bigint, bigint[], numeric[]) IS 'Moves pieces to new positions, in one set; IU001 closed gate, IU002 bad input, IU003 not in the collection, IU004 position taken';
REVOKE ALL ON FUNCTION iu_core.fn_iu_collection_reorder(bigint, bigint[], numeric[]) FROM PUBLIC;
