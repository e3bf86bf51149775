-- requires: iu_collection, iu_collection_piece, information_unit, unit_version
CREATE FUNCTION iu_core.fn_iu_collection_render(p_collection_id bigint)
RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT coalesce(string_agg(body || separator, '' ORDER BY position), '')
  FROM (
    SELECT v.body, p.position,
           coalesce(p.separator, CASE WHEN lead(p.unit_id) OVER (ORDER BY p.position) IS NULL THEN '' ELSE c.joiner END) AS separator
    FROM iu_collection AS c
    JOIN iu_collection_piece AS p ON p.collection_id = c.id
    JOIN information_unit AS u ON u.id = p.unit_id
    JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(p.pinned_version_seq, u.current_version_seq)
    WHERE c.id = p_collection_id
  ) AS pieces
$$;
COMMENT ON FUNCTION iu_core.fn_iu_collection_render(bigint) IS 'The whole text of a collection: each piece''s body and what separates it from the next';
REVOKE ALL ON FUNCTION iu_core.fn_iu_collection_render(bigint) FROM PUBLIC;
