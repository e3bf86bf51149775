-- requires: iu_core
CREATE FUNCTION iu_core.fn_dot_word(p_name text)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
AS $$
  SELECT format(CASE WHEN p_name ~ '^"' THEN '%s' ELSE '\y%s\y' END, regexp_replace(p_name, '(\W)', '\\\1', 'g'))
$$;
COMMENT ON FUNCTION iu_core.fn_dot_word(text) IS 'The regular expression that finds a name in a definition, whole; quoted where definitions quote it';
REVOKE ALL ON FUNCTION iu_core.fn_dot_word(text) FROM PUBLIC;
