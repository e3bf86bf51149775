-- requires: fn_iu_collection_tail, iu_collection, iu_collection_piece
CREATE FUNCTION iu_core.fn_iu_separator_put(p_collection_id bigint, p_unit_id bigint, p_separator text)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_before text;
  v_joiner text;
  v_tail integer;
BEGIN
  SELECT p.separator, c.joiner INTO STRICT v_before, v_joiner
  FROM iu_collection_piece AS p JOIN iu_collection AS c ON c.id = p.collection_id WHERE p.collection_id = p_collection_id AND p.unit_id = p_unit_id;
  IF v_before IS NOT DISTINCT FROM p_separator THEN
    RETURN '[]';
  END IF;
  v_tail := fn_iu_collection_tail(p_collection_id);
  UPDATE iu_collection_piece SET separator = p_separator WHERE collection_id = p_collection_id AND unit_id = p_unit_id;
  UPDATE iu_collection
  SET byte_length = byte_length + octet_length(coalesce(p_separator, v_joiner)) - octet_length(coalesce(v_before, v_joiner)) + v_tail - fn_iu_collection_tail(p_collection_id)
  WHERE id = p_collection_id;
  RETURN jsonb_build_array(jsonb_build_object('unit', p_unit_id, 'before', v_before, 'after', p_separator));
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_separator_put(bigint, bigint, text) IS 'Gives a piece the separator behind it (null = the joiner), as a part of a change that raises the revision; returns the change, as a list of none or one';
REVOKE ALL ON FUNCTION iu_core.fn_iu_separator_put(bigint, bigint, text) FROM PUBLIC;
