CREATE FUNCTION iu_core.fn_iu_line_end(VARIADIC p_texts text[])
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
AS $$
  SELECT coalesce((SELECT substring(t FROM '\r\n|\r|\n') FROM unnest(p_texts) WITH ORDINALITY AS g(t, n) WHERE t ~ '[\r\n]' ORDER BY n LIMIT 1), E'\n')
$$;
COMMENT ON FUNCTION iu_core.fn_iu_line_end(text[]) IS 'The line end of the first text that has one: CR LF, CR or LF; LF when none has';
REVOKE ALL ON FUNCTION iu_core.fn_iu_line_end(text[]) FROM PUBLIC;
