CREATE FUNCTION iu_core.fn_iu_collection_remove(p_collection_id bigint, p_unit_ids bigint[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_address text;
  v_joiner text;
  v_tail integer;
  v_removed integer;
  v_bytes bigint;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  -- Units before collections: the lock order of every writer. What is subtracted below cannot change meanwhile.
  PERFORM FROM information_unit WHERE id = ANY (p_unit_ids) ORDER BY id FOR KEY SHARE;
  SELECT canonical_address, joiner INTO v_address, v_joiner FROM iu_collection WHERE id = p_collection_id FOR NO KEY UPDATE;
  v_tail := fn_iu_collection_tail(p_collection_id);
  WITH removed AS (
    DELETE FROM iu_collection_piece WHERE collection_id = p_collection_id AND unit_id = ANY (p_unit_ids)
    RETURNING unit_id, pinned_version_seq, separator
  )
  SELECT count(*), sum(v.byte_length + octet_length(coalesce(r.separator, v_joiner))) INTO v_removed, v_bytes
  FROM removed AS r
  JOIN information_unit AS u ON u.id = r.unit_id
  JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(r.pinned_version_seq, u.current_version_seq);
  IF v_removed IS DISTINCT FROM cardinality(p_unit_ids) THEN
    RAISE EXCEPTION 'unit_ids: names a unit that does not stand in the collection' USING ERRCODE = 'IU003', COLUMN = 'unit_ids';
  END IF;
  IF v_removed > 0 THEN
    PERFORM fn_iu_collection_touch(p_collection_id, -v_removed, v_tail - fn_iu_collection_tail(p_collection_id) - v_bytes);
  END IF;
  PERFORM fn_iu_outbox_append('piece_removed_from_collection', 'iu_collection', array_agg(v_address ORDER BY g.n),
    array_agg(jsonb_build_object('collection_address', v_address, 'unit_id', u.id, 'unit_address', u.canonical_address) ORDER BY g.n))
  FROM unnest(p_unit_ids) WITH ORDINALITY AS g(unit_id, n) JOIN information_unit AS u ON u.id = g.unit_id
  HAVING count(*) > 0;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_collection_remove(bigint, bigint[]) IS 'Takes units out of a collection, in one set; the units live on. IU001 closed gate, IU003 not in the collection';
REVOKE ALL ON FUNCTION iu_core.fn_iu_collection_remove(bigint, bigint[]) FROM PUBLIC;
