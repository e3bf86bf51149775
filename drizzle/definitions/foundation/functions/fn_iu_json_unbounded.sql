-- requires: iu_core
-- jsonb keeps 1e131071 in twelve bytes and writes it in 131,072. So nothing here writes a value out before its numbers are
-- known to be short: the sizes are of the binary form, and a number is compared and asked for its scale as it is.
-- The depth first, and only so deep: a walk through all of it would end with the server's stack.
CREATE FUNCTION iu_core.fn_iu_json_unbounded(p_value jsonb, p_most_bytes integer)
RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_value constant jsonb := p_value #> '{}';       -- unpacked once, not with each look
  v_bytes constant integer := pg_column_size(v_value);
  v_numbers jsonb;
  v_has_long boolean;
  v_written bigint;
BEGIN
  IF v_bytes > p_most_bytes THEN
    RETURN format('it has %s bytes, and %s are the most', v_bytes, p_most_bytes);
  ELSIF v_bytes > 700 AND v_value @? '$.**{101}' THEN     -- a level takes eight bytes
    RETURN 'it is nested deeper than 100';
  END IF;
  v_numbers := jsonb_path_query_array(v_value, 'strict $.** ? (@.type() == "number")');
  -- A query is begun for many only: most values have few, and every event comes by here.
  IF jsonb_array_length(v_numbers) > 20 THEN
    v_has_long := EXISTS (SELECT FROM jsonb_array_elements(v_numbers) AS n(number) WHERE scale(number::numeric) > 500 OR abs(number::numeric) >= 1e500);
  ELSE
    FOR i IN 0 .. jsonb_array_length(v_numbers) - 1 LOOP
      v_has_long := scale((v_numbers -> i)::numeric) > 500 OR abs((v_numbers -> i)::numeric) >= 1e500;
      EXIT WHEN v_has_long;
    END LOOP;
  END IF;
  IF v_has_long THEN
    RETURN 'it has a number of more than 500 digits before or behind the point';
  ELSIF v_bytes::bigint + 1003 * jsonb_array_length(v_numbers) > p_most_bytes THEN
    -- One by one, so that the whole text is never there.
    v_written := v_bytes + (SELECT sum(octet_length(number::text)) FROM jsonb_array_elements(v_numbers) AS n(number));
    IF v_written > p_most_bytes THEN
      RETURN format('written out it has %s bytes, and %s are the most', v_written, p_most_bytes);
    END IF;
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_json_unbounded(jsonb, integer) IS 'What makes a JSON value one that cannot be written out in so many bytes (its size, its depth, a number of more than 500 digits); null when nothing does';
REVOKE ALL ON FUNCTION iu_core.fn_iu_json_unbounded(jsonb, integer) FROM PUBLIC;
-- For the views that show a value only where it can be written out.
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_json_unbounded(jsonb, integer) TO iu_reader;
