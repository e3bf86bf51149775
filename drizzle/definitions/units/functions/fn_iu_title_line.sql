CREATE FUNCTION iu_core.fn_iu_title_line(p_text text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
AS $$
  -- Bidirectional overrides go too: they would reorder what stands beside a title.
  SELECT rtrim(left(btrim(regexp_replace(regexp_replace(p_text, '[\x01-\x08\x0e-\x1f\x7f-\u009f\u202a-\u202e\u2066-\u2069]', '', 'g'),
                                         '[\t-\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]+', ' ', 'g'), ' '), 120), ' ')
$$;
COMMENT ON FUNCTION iu_core.fn_iu_title_line(text) IS 'A text as one line of visible characters, at most 120 of them';
REVOKE ALL ON FUNCTION iu_core.fn_iu_title_line(text) FROM PUBLIC;
