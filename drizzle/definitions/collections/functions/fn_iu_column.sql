-- requires: iu_core
CREATE FUNCTION iu_core.fn_iu_column(p_blank text, p_from integer)
RETURNS integer
LANGUAGE plpgsql IMMUTABLE STRICT
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
AS $$
DECLARE
  v_column integer := p_from;
BEGIN
  FOR i IN 1 .. length(p_blank) LOOP
    v_column := v_column + CASE WHEN substr(p_blank, i, 1) = E'\t' THEN 4 - v_column % 4 ELSE 1 END;
  END LOOP;
  RETURN v_column;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_column(text, integer) IS 'The column that blanks and tabs lead to from a column (from 0): a tab leads to the next multiple of four';
REVOKE ALL ON FUNCTION iu_core.fn_iu_column(text, integer) FROM PUBLIC;
