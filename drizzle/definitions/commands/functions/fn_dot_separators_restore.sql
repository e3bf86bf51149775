-- requires: fn_iu_separator_put, information_unit, iu_collection, iu_collection_piece
CREATE FUNCTION iu_core.fn_dot_separators_restore(p_collection iu_core.iu_collection, p_separators jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_item jsonb;
  v_unit_id bigint;
  v_changes jsonb := '[]';
BEGIN
  FOR v_item IN SELECT i FROM jsonb_array_elements(p_separators) AS i WHERE i ->> 'collection' = (p_collection).canonical_address LOOP
    SELECT u.id INTO v_unit_id FROM information_unit AS u JOIN iu_collection_piece AS p ON p.unit_id = u.id AND p.collection_id = (p_collection).id WHERE u.canonical_address = v_item ->> 'piece';
    IF NOT FOUND THEN
      RAISE EXCEPTION 'separators: % does not stand in % by now', v_item ->> 'piece', (p_collection).canonical_address USING ERRCODE = 'IU014', COLUMN = 'separators';
    END IF;
    v_changes := v_changes || fn_iu_separator_put((p_collection).id, v_unit_id, v_item ->> 'separator');
  END LOOP;
  RETURN v_changes;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_separators_restore(iu_core.iu_collection, jsonb) IS 'Gives pieces of a collection that a command changes the exact separators that an inverse carries; returns the changes. IU014 for a piece that does not stand there';
REVOKE ALL ON FUNCTION iu_core.fn_dot_separators_restore(iu_core.iu_collection, jsonb) FROM PUBLIC;
