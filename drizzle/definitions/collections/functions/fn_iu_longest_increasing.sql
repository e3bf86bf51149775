CREATE FUNCTION iu_core.fn_iu_longest_increasing(p_numbers integer[])
RETURNS boolean[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_count constant integer := cardinality(p_numbers);
  v_tails integer[] := array_fill(0, ARRAY[greatest(v_count, 1)]);      -- v_tails[k]: where the best run of length k ends
  v_before integer[] := array_fill(0, ARRAY[greatest(v_count, 1)]);     -- the element before it in that run
  v_in boolean[] := array_fill(false, ARRAY[greatest(v_count, 1)]);
  v_longest integer := 0;
  v_low integer;
  v_high integer;
  v_middle integer;
BEGIN
  FOR i IN 1 .. v_count LOOP
    v_low := 1;
    v_high := v_longest + 1;
    IF v_longest > 0 AND p_numbers[v_tails[v_longest]] < p_numbers[i] THEN
      v_low := v_high;                                                  -- the common case: already in order
    END IF;
    WHILE v_low < v_high LOOP
      v_middle := (v_low + v_high) / 2;
      IF v_middle <= v_longest AND p_numbers[v_tails[v_middle]] < p_numbers[i] THEN v_low := v_middle + 1; ELSE v_high := v_middle; END IF;
    END LOOP;
    v_tails[v_low] := i;
    IF v_low > 1 THEN v_before[i] := v_tails[v_low - 1]; END IF;
    v_longest := greatest(v_longest, v_low);
  END LOOP;
  v_middle := CASE WHEN v_longest > 0 THEN v_tails[v_longest] ELSE 0 END;
  WHILE v_middle > 0 LOOP
    v_in[v_middle] := true;
    v_middle := v_before[v_middle];
  END LOOP;
  RETURN v_in[1:v_count];
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_longest_increasing(integer[]) IS 'Which elements form a longest strictly increasing subsequence (patience sorting, n log n)';
REVOKE ALL ON FUNCTION iu_core.fn_iu_longest_increasing(integer[]) FROM PUBLIC;
