-- requires: fn_iu_collection_manifest_text, fn_iu_collection_render, information_unit, iu_collection, iu_collection_piece, iu_core, iu_tree_path, unit_version
CREATE FUNCTION iu_core.fn_iu_collection_findings(p_collection_id bigint)
RETURNS TABLE (finding text, piece text, detail text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH piece AS (
    SELECT p.unit_id, p.position, u.canonical_address, u.lifecycle_status, v.body, v.content_digest, v.byte_length, t.parent_unit_id,
           coalesce(p.pinned_version_seq, u.current_version_seq) AS version_seq,
           coalesce(p.separator, CASE WHEN lead(p.unit_id) OVER (ORDER BY p.position) IS NULL THEN '' ELSE c.joiner END) AS separator
    FROM iu_collection AS c
    JOIN iu_collection_piece AS p ON p.collection_id = c.id
    JOIN information_unit AS u ON u.id = p.unit_id
    LEFT JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(p.pinned_version_seq, u.current_version_seq)
    LEFT JOIN iu_tree_path AS t ON t.unit_id = u.id
    WHERE c.id = p_collection_id
  ), counted AS (
    SELECT count(*) AS pieces, coalesce(sum(byte_length + octet_length(separator)), 0) AS bytes FROM piece
  )
  SELECT 'missing_body', canonical_address, format('version %s has no body', version_seq) FROM piece WHERE body IS NULL
  UNION ALL
  SELECT 'digest_mismatch', canonical_address, format('version %s: the body is not of its digest', version_seq) FROM piece
  WHERE body IS NOT NULL AND (content_digest, byte_length) IS DISTINCT FROM (sha256(convert_to(body, 'UTF8')), octet_length(body))
  UNION ALL
  SELECT 'retired_piece', canonical_address, 'the piece is ' || lifecycle_status FROM piece WHERE lifecycle_status IN ('retired', 'deleted')
  UNION ALL
  SELECT 'order', p.canonical_address, format('it stands before %s, the heading of its section', h.canonical_address) FROM piece AS p JOIN piece AS h ON h.unit_id = p.parent_unit_id WHERE h.position > p.position
  UNION ALL
  SELECT 'count_mismatch', NULL, format('counted %s pieces and %s bytes, the collection says %s and %s', n.pieces, n.bytes, c.piece_count, c.byte_length)
  FROM iu_collection AS c, counted AS n WHERE c.id = p_collection_id AND (c.piece_count, c.byte_length) IS DISTINCT FROM (n.pieces, n.bytes)
  UNION ALL
  SELECT 'digest_mismatch', NULL, 'the rendering of this revision is not of the digest that was kept'
  FROM iu_collection AS c
  WHERE c.id = p_collection_id AND c.render_revision = c.revision AND NOT EXISTS (SELECT FROM piece WHERE body IS NULL)
    AND c.render_digest <> sha256(convert_to(fn_iu_collection_render(c.id), 'UTF8'))
  UNION ALL
  SELECT 'digest_mismatch', NULL, 'the manifest of this revision is not of the digest that was kept'
  FROM iu_collection AS c
  WHERE c.id = p_collection_id AND c.manifest_revision = c.revision AND NOT EXISTS (SELECT FROM piece WHERE body IS NULL)
    AND c.manifest_digest <> sha256(convert_to(fn_iu_collection_manifest_text(c.id), 'UTF8'))
$$;
COMMENT ON FUNCTION iu_core.fn_iu_collection_findings(bigint) IS 'What is wrong with a collection, by name: missing_body, digest_mismatch, retired_piece, order, count_mismatch; no row when all is well';
REVOKE ALL ON FUNCTION iu_core.fn_iu_collection_findings(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_collection_findings(bigint) TO iu_reader;
