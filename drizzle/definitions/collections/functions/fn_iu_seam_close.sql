-- requires: fn_iu_collection_first, fn_iu_seam, fn_iu_separator_put, iu_collection_piece
CREATE FUNCTION iu_core.fn_iu_seam_close(p_collection_id bigint, p_at numeric, p_separator text)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
AS $$
DECLARE
  v_before iu_collection_piece;
  v_is_last boolean;
BEGIN
  SELECT * INTO v_before FROM iu_collection_piece WHERE collection_id = p_collection_id AND position < p_at ORDER BY position DESC LIMIT 1;
  IF NOT FOUND THEN
    PERFORM fn_iu_collection_first(p_collection_id, NULL);
    RETURN '[]';
  END IF;
  v_is_last := (SELECT unit_id FROM iu_collection_piece WHERE collection_id = p_collection_id ORDER BY position DESC LIMIT 1) = v_before.unit_id;
  RETURN CASE WHEN v_is_last THEN fn_iu_separator_put(p_collection_id, v_before.unit_id, p_separator)
    ELSE fn_iu_seam(p_collection_id, v_before.unit_id, ARRAY[v_before.separator] || CASE WHEN p_separator !~ '\S' THEN ARRAY[p_separator] END) END;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_seam_close(bigint, numeric, text) IS 'Separates the neighbours of a place that a piece has left, with its separator; returns the change';
REVOKE ALL ON FUNCTION iu_core.fn_iu_seam_close(bigint, numeric, text) FROM PUBLIC;
