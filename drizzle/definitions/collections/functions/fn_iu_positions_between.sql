CREATE FUNCTION iu_core.fn_iu_positions_between(p_after numeric, p_before numeric, p_count integer)
RETURNS numeric[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_step numeric;
  v_scale integer := 0;
BEGIN
  IF p_after >= p_before THEN
    RAISE EXCEPTION 'position: % is not before %', p_after, p_before USING ERRCODE = 'IU002', COLUMN = 'position';
  ELSIF p_before IS NULL THEN
    RETURN ARRAY(SELECT trunc(coalesce(p_after, 0)) + i FROM generate_series(1, p_count) AS i);
  ELSIF p_after IS NULL THEN
    RETURN ARRAY(SELECT ceil(p_before) - i FROM generate_series(p_count, 1, -1) AS i);
  END IF;
  -- The fewest decimals that still tell the new positions apart: digits grow with the logarithm of
  -- the insertions at one place, not with the size of the collection.
  v_step := (p_before - p_after) / (p_count + 1);
  WHILE v_step * power(10::numeric, v_scale) < 2 LOOP
    v_scale := v_scale + 1;
  END LOOP;
  RETURN ARRAY(SELECT trim_scale(round(p_after + (p_before - p_after) * i / (p_count + 1), v_scale)) FROM generate_series(1, p_count) AS i);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_positions_between(numeric, numeric, integer) IS 'p_count increasing positions strictly between two others; null means the open end';
REVOKE ALL ON FUNCTION iu_core.fn_iu_positions_between(numeric, numeric, integer) FROM PUBLIC;
