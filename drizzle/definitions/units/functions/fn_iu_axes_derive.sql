-- requires: information_unit, iu_core, iu_tree_path, unit_version
CREATE FUNCTION iu_core.fn_iu_axes_derive(p_unit_ids bigint[])
RETURNS TABLE (unit_id bigint, axis text, value text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
AS $$
  SELECT u.id, x.axis, x.value
  FROM information_unit AS u
  JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq
  LEFT JOIN iu_tree_path AS t ON t.unit_id = u.id
  LEFT JOIN information_unit AS h ON h.id = t.parent_unit_id
  CROSS JOIN LATERAL (VALUES
    ('kind', u.unit_kind),
    ('lifecycle', u.lifecycle_status),
    ('section', nullif(left(h.title, 200), '')),
    ('level', nullif(t.section_level, 0)::text),
    ('source', left(u.source_path, 500)),
    ('length', CASE WHEN v.byte_length < 200 THEN 'short' WHEN v.byte_length < 2000 THEN 'medium' ELSE 'long' END),
    ('links', CASE WHEN v.body ~ '\]\(|https?://' THEN 'yes' ELSE 'no' END),
    ('language', CASE WHEN u.unit_kind = 'code' THEN nullif(lower(substring(v.body FROM '^\s{0,3}(?:`{3,}|~{3,})[ \t]*([A-Za-z0-9_+#.-]{1,40})')), '') END)
  ) AS x(axis, value)
  WHERE u.id = ANY (p_unit_ids) AND x.value IS NOT NULL
$$;
COMMENT ON FUNCTION iu_core.fn_iu_axes_derive(bigint[]) IS 'What the axes of these units are, from their present text, kind and place';
REVOKE ALL ON FUNCTION iu_core.fn_iu_axes_derive(bigint[]) FROM PUBLIC;
