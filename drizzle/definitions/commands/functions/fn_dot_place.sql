-- requires: information_unit, iu_collection_piece, iu_core
-- Neighbours are found by index; only a place by number is counted to.
CREATE FUNCTION iu_core.fn_dot_place(p_collection_id bigint, p_unit_id bigint, p_params jsonb)
RETURNS numeric
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_asked constant text[] := ARRAY(SELECT k FROM unnest(ARRAY['to', 'after', 'before', 'position', 'at']) AS k WHERE p_params ? k);
  v_how constant text := coalesce(v_asked[1], 'to');
  v_now numeric;
  v_prev numeric;
  v_next numeric;
  v_neighbour numeric;
  v_count integer;
BEGIN
  IF cardinality(v_asked) > 1 THEN
    RAISE EXCEPTION '%: give one place only, not % as well', v_asked[2], v_asked[1] USING ERRCODE = 'IU002', COLUMN = v_asked[2], HINT = 'One of to, after, before, position, at.';
  END IF;
  SELECT position INTO v_now FROM iu_collection_piece WHERE collection_id = p_collection_id AND unit_id = p_unit_id;
  IF v_how IN ('after', 'before') THEN
    SELECT p.position INTO v_neighbour
    FROM information_unit AS u JOIN iu_collection_piece AS p ON p.unit_id = u.id AND p.collection_id = p_collection_id
    WHERE u.canonical_address = p_params ->> v_how AND u.id <> p_unit_id;
    IF NOT FOUND THEN
      RAISE EXCEPTION '%: % is no other piece of this collection', v_how, p_params ->> v_how USING ERRCODE = 'IU003', COLUMN = v_how;
    END IF;
  ELSIF v_how = 'at' THEN
    BEGIN
      v_neighbour := (p_params ->> 'at')::numeric;
    EXCEPTION WHEN invalid_text_representation OR numeric_value_out_of_range THEN
      RAISE EXCEPTION 'at: % is no position', left(p_params ->> 'at', 80) USING ERRCODE = 'IU002', COLUMN = 'at';
    END;
    IF EXISTS (SELECT FROM iu_collection_piece WHERE collection_id = p_collection_id AND position = v_neighbour AND unit_id <> p_unit_id) THEN
      RAISE EXCEPTION 'at: another piece stands at % by now', v_neighbour USING ERRCODE = 'IU004', COLUMN = 'at', HINT = 'Say after or before which piece.';
    ELSIF v_neighbour = v_now THEN
      RAISE EXCEPTION 'at: the piece stands there already' USING ERRCODE = 'IU016', COLUMN = 'at';
    END IF;
    RETURN v_neighbour;
  ELSIF v_how = 'position' THEN
    v_count := (p_params ->> 'position')::integer;
    IF v_count > 1 THEN
      SELECT position INTO v_prev FROM iu_collection_piece WHERE collection_id = p_collection_id AND unit_id <> p_unit_id ORDER BY position OFFSET v_count - 2 LIMIT 1;
      IF NOT FOUND THEN
        RAISE EXCEPTION 'position: % is past the end', v_count USING ERRCODE = 'IU002', COLUMN = 'position', HINT = 'Use to: last.';
      END IF;
    END IF;
  END IF;
  IF v_how = 'before' THEN
    v_next := v_neighbour;
    SELECT max(position) INTO v_prev FROM iu_collection_piece WHERE collection_id = p_collection_id AND unit_id <> p_unit_id AND position < v_next;
  ELSE
    IF v_how = 'after' THEN
      v_prev := v_neighbour;
    ELSIF v_how = 'to' AND coalesce(p_params ->> 'to', 'last') = 'last' THEN
      SELECT position INTO v_prev FROM iu_collection_piece WHERE collection_id = p_collection_id AND unit_id <> p_unit_id ORDER BY position DESC LIMIT 1;
    END IF;
    SELECT position INTO v_next FROM iu_collection_piece WHERE collection_id = p_collection_id AND unit_id <> p_unit_id AND position > coalesce(v_prev, '-infinity') ORDER BY position LIMIT 1;
  END IF;
  IF v_now > coalesce(v_prev, '-infinity') AND v_now < coalesce(v_next, 'infinity') THEN
    RAISE EXCEPTION '%: the piece stands there already', v_how USING ERRCODE = 'IU016', COLUMN = v_how;
  END IF;
  RETURN (fn_iu_positions_between(v_prev, v_next, 1))[1];
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_place(bigint, bigint, jsonb) IS 'The position that the parameters ask for (to: first or last, after, before, position: a number from 1, at: the exact key), last when they ask for none. The unit itself does not count. IU002 a bad place, IU003 a neighbour that is not there, IU004 a taken key, IU016 when it stands there already';
REVOKE ALL ON FUNCTION iu_core.fn_dot_place(bigint, bigint, jsonb) FROM PUBLIC;
