CREATE FUNCTION iu_core.fn_iu_positions_between(p_after numeric, p_before numeric, p_count integer)
RETURNS numeric[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_scale integer := greatest(scale(p_after), scale(p_before));
  v_room numeric;       -- the gap, in units of the last decimal
  v_step numeric;
  v_first numeric;
BEGIN
  IF p_after >= p_before THEN
    RAISE EXCEPTION 'position: % is not before %', p_after, p_before USING ERRCODE = 'IU002', COLUMN = 'position';
  ELSIF p_before IS NULL THEN
    RETURN ARRAY(SELECT trunc(coalesce(p_after, 0)) + i FROM generate_series(1, p_count) AS i);
  ELSIF p_after IS NULL THEN
    RETURN ARRAY(SELECT ceil(p_before) - i FROM generate_series(p_count, 1, -1) AS i);
  END IF;
  v_room := trunc((p_before - p_after) * ('1e' || v_scale)::numeric);
  WHILE v_room <= p_count LOOP
    v_scale := v_scale + 4;
    v_room := v_room * 10000;
  END LOOP;
  -- The neighbour with more decimals is the younger one. The new ones stand close to it, where the next
  -- ones will go as well: so four more decimals last for a thousand insertions at one place.
  v_step := least(10, div(v_room, p_count + 1));
  v_first := CASE sign(scale(p_after) - scale(p_before))
    WHEN 1 THEN v_step
    WHEN -1 THEN v_room - p_count * v_step
    ELSE div(v_room - (p_count - 1) * v_step, 2) END;
  RETURN ARRAY(SELECT p_after + (v_first + (i - 1) * v_step) * ('1e-' || v_scale)::numeric FROM generate_series(1, p_count) AS i);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_positions_between(numeric, numeric, integer) IS 'p_count increasing positions strictly between two others; null means the open end';
REVOKE ALL ON FUNCTION iu_core.fn_iu_positions_between(numeric, numeric, integer) FROM PUBLIC;
