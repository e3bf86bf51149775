-- requires: fn_iu_line_end, fn_iu_separator, fn_iu_separator_put, iu_collection, iu_collection_piece, information_unit, unit_version
CREATE FUNCTION iu_core.fn_iu_seam(p_collection_id bigint, p_unit_id bigint, p_candidates text[])
RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT fn_iu_separator_put(p_collection_id, p_unit_id, fn_iu_separator(b.body, u.unit_kind, n.body, p_candidates, c.joiner,
    fn_iu_line_end(p.separator, (SELECT o.separator FROM iu_collection_piece AS o WHERE o.collection_id = c.id AND o.position < p.position ORDER BY o.position DESC LIMIT 1),
                   n.separator, b.body, n.body, c.joiner)))
  FROM iu_collection AS c
  JOIN iu_collection_piece AS p ON p.collection_id = c.id AND p.unit_id = p_unit_id
  JOIN information_unit AS u ON u.id = p.unit_id
  JOIN unit_version AS b ON b.unit_id = u.id AND b.version_seq = coalesce(p.pinned_version_seq, u.current_version_seq)
  CROSS JOIN LATERAL (
    SELECT o.separator, v.body
    FROM (SELECT * FROM iu_collection_piece WHERE collection_id = c.id AND position > p.position ORDER BY position LIMIT 1) AS o
    JOIN information_unit AS w ON w.id = o.unit_id
    JOIN unit_version AS v ON v.unit_id = w.id AND v.version_seq = coalesce(o.pinned_version_seq, w.current_version_seq)) AS n
  WHERE c.id = p_collection_id
$$;
COMMENT ON FUNCTION iu_core.fn_iu_seam(bigint, bigint, text[]) IS 'Puts between a piece and the next what keeps both the blocks they are, in the document''s line ends: the first candidate that does, or a new one; returns the change';
REVOKE ALL ON FUNCTION iu_core.fn_iu_seam(bigint, bigint, text[]) FROM PUBLIC;
