-- requires: fn_iu_collection_first, fn_iu_seam, iu_collection_piece, information_unit, unit_version
CREATE FUNCTION iu_core.fn_iu_seam_revised(p_collection_id bigint, p_unit_id bigint, p_was text)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_changes jsonb := '[]';
  v_seam record;
BEGIN
  PERFORM fn_iu_collection_first(p_collection_id, NULL);
  FOR v_seam IN
    SELECT s.unit_id, s.separator, u.unit_kind, c.joiner, CASE WHEN s.unit_id = p_unit_id THEN p_was ELSE v.body END AS body, CASE WHEN n.unit_id = p_unit_id THEN p_was ELSE w.body END AS following
    FROM iu_collection AS c
    JOIN iu_collection_piece AS p ON p.collection_id = c.id AND p.unit_id = p_unit_id
    CROSS JOIN LATERAL (SELECT p.* UNION ALL (SELECT b.* FROM iu_collection_piece AS b WHERE b.collection_id = c.id AND b.position < p.position ORDER BY b.position DESC LIMIT 1)) AS s
    CROSS JOIN LATERAL (SELECT o.* FROM iu_collection_piece AS o WHERE o.collection_id = c.id AND o.position > s.position ORDER BY o.position LIMIT 1) AS n
    JOIN information_unit AS u ON u.id = s.unit_id
    JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(s.pinned_version_seq, u.current_version_seq)
    JOIN information_unit AS x ON x.id = n.unit_id
    JOIN unit_version AS w ON w.unit_id = x.id AND w.version_seq = coalesce(n.pinned_version_seq, x.current_version_seq)
    WHERE c.id = p_collection_id
  LOOP
    -- A separator that kept the old text apart keeps the new one apart as well; one that somebody chose to do less is left alone.
    IF fn_iu_separator(v_seam.body, v_seam.unit_kind, v_seam.following, ARRAY[v_seam.separator], v_seam.joiner, '') IS NOT DISTINCT FROM v_seam.separator THEN
      v_changes := v_changes || fn_iu_seam(p_collection_id, v_seam.unit_id, ARRAY[v_seam.separator]);
    END IF;
  END LOOP;
  RETURN v_changes;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_seam_revised(bigint, bigint, text) IS 'Separates a piece that has a new text from its neighbours, where what separated the old one is not enough for it; returns the changes. IU002 where a text would begin as something else';
REVOKE ALL ON FUNCTION iu_core.fn_iu_seam_revised(bigint, bigint, text) FROM PUBLIC;
