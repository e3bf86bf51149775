-- requires: iu_core
CREATE FUNCTION iu_core.fn_dot_id_trimmed(p_id text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
AS $$
  SELECT regexp_replace(p_id COLLATE "C", hidden || '+$|^' || hidden || '+', '', 'g')
  FROM (VALUES ('[\s\u0001-\u001F\u007F-\u00A0\u00AD\u034F\u061C\u115F\u1160\u1680\u17B4\u17B5\u180B-\u180F\u2000-\u200F\u2028-\u202F\u205F-\u206F\u3000\u3164\uFE00-\uFE0F\uFEFF\uFFA0\uFFF0-\uFFFB\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A\U000E0000-\U000E0FFF]')) AS c(hidden)
$$;
COMMENT ON FUNCTION iu_core.fn_dot_id_trimmed(text) IS 'An id without spaces and invisible characters at either end';
REVOKE ALL ON FUNCTION iu_core.fn_dot_id_trimmed(text) FROM PUBLIC;
