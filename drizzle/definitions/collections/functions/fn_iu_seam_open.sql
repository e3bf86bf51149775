-- requires: fn_iu_collection_first, fn_iu_seam, fn_iu_separator_put, iu_collection_piece
CREATE FUNCTION iu_core.fn_iu_seam_open(p_collection_id bigint, p_unit_id bigint, p_is_given boolean, p_candidate text)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
AS $$
DECLARE
  v_changes jsonb := '[]';
  v_at numeric;
  v_before iu_collection_piece;
  v_is_last boolean;
BEGIN
  PERFORM fn_iu_collection_first(p_collection_id, p_unit_id);
  SELECT position INTO STRICT v_at FROM iu_collection_piece WHERE collection_id = p_collection_id AND unit_id = p_unit_id;
  SELECT * INTO v_before FROM iu_collection_piece WHERE collection_id = p_collection_id AND position < v_at ORDER BY position DESC LIMIT 1;
  v_is_last := (SELECT unit_id FROM iu_collection_piece WHERE collection_id = p_collection_id ORDER BY position DESC LIMIT 1) = p_unit_id;
  IF v_is_last THEN
    -- What ended the text ends it still.
    IF NOT p_is_given AND v_before.unit_id IS NOT NULL THEN
      v_changes := fn_iu_separator_put(p_collection_id, p_unit_id, v_before.separator);
    END IF;
  ELSIF NOT p_is_given THEN
    v_changes := fn_iu_seam(p_collection_id, p_unit_id, ARRAY[p_candidate] || CASE WHEN v_before.separator !~ '\S' THEN ARRAY[v_before.separator] END);
  END IF;
  IF v_before.unit_id IS NOT NULL THEN
    v_changes := v_changes || fn_iu_seam(p_collection_id, v_before.unit_id,
      CASE WHEN NOT v_is_last OR v_before.separator IS NULL THEN ARRAY[v_before.separator] WHEN p_candidate !~ '\S' THEN ARRAY[p_candidate] ELSE '{}' END);
  END IF;
  RETURN v_changes;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_seam_open(bigint, bigint, boolean, text) IS 'Separates a piece that has come to its place from both neighbours; its own separator stays where it was given, else the candidate is tried first. Returns the changes. IU002 where a text must begin with another piece';
REVOKE ALL ON FUNCTION iu_core.fn_iu_seam_open(bigint, bigint, boolean, text) FROM PUBLIC;
