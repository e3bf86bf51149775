-- requires: information_unit, unit_version
CREATE FUNCTION iu_core.fn_iu_begins_text(p_unit_id bigint)
RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
AS $$
  SELECT u.unit_kind = 'front_matter' OR starts_with(v.body, U&'\FEFF')
  FROM information_unit AS u JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq WHERE u.id = p_unit_id
$$;
COMMENT ON FUNCTION iu_core.fn_iu_begins_text(bigint) IS 'Whether a unit is what it is at the beginning of a text only: front matter, or a text with a byte-order mark';
REVOKE ALL ON FUNCTION iu_core.fn_iu_begins_text(bigint) FROM PUBLIC;
