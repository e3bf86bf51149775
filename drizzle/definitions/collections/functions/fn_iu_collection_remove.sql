CREATE FUNCTION iu_core.fn_iu_collection_remove(p_collection_id bigint, p_unit_ids bigint[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_address text;
  v_removed integer;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  SELECT fn_iu_collection_touch(p_collection_id, -count(*)::integer, -coalesce(sum(v.byte_length + octet_length(coalesce(p.separator, ''))), 0)::bigint)
  INTO v_address
  FROM iu_collection_piece AS p
  JOIN information_unit AS u ON u.id = p.unit_id
  JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(p.pinned_version_seq, u.current_version_seq)
  WHERE p.collection_id = p_collection_id AND p.unit_id = ANY (p_unit_ids);
  DELETE FROM iu_collection_piece WHERE collection_id = p_collection_id AND unit_id = ANY (p_unit_ids);
  GET DIAGNOSTICS v_removed = ROW_COUNT;
  IF v_removed <> cardinality(p_unit_ids) THEN
    RAISE EXCEPTION 'unit_ids: names a unit that does not stand in the collection' USING ERRCODE = 'IU003', COLUMN = 'unit_ids';
  END IF;
  PERFORM fn_iu_outbox_append('piece_removed_from_collection', 'iu_collection', array_agg(v_address ORDER BY g.n),
    array_agg(jsonb_build_object('collection_address', v_address, 'unit_id', u.id, 'unit_address', u.canonical_address) ORDER BY g.n))
  FROM unnest(p_unit_ids) WITH ORDINALITY AS g(unit_id, n) JOIN information_unit AS u ON u.id = g.unit_id
  HAVING count(*) > 0;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_collection_remove(bigint, bigint[]) IS 'Takes units out of a collection, in one set; the units live on. IU001 closed gate, IU003 not in the collection';
REVOKE ALL ON FUNCTION iu_core.fn_iu_collection_remove(bigint, bigint[]) FROM PUBLIC;
