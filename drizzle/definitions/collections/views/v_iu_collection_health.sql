-- requires: iu_import_base, iu_collection, iu_collection_piece, information_unit, unit_version
CREATE VIEW iu_core.v_iu_collection_health AS
SELECT c.id AS collection_id, c.canonical_address,
       p.pieces = c.piece_count AND p.bytes = c.byte_length AND p.missing_body = 0 AND p.retired_inside = 0 AND c.render_revision IS NOT DISTINCT FROM c.revision
         AND (c.source_digest IS NULL OR c.render_digest = c.source_digest OR b.revision IS DISTINCT FROM c.revision) AS healthy,
       p.pieces, c.piece_count AS pieces_counted, p.bytes, c.byte_length AS bytes_counted, p.missing_body, p.retired_inside,
       c.render_revision IS DISTINCT FROM c.revision AS render_stale,
       c.source_digest IS NOT NULL AND c.render_digest IS DISTINCT FROM c.source_digest AND b.revision IS NOT DISTINCT FROM c.revision AS differs_from_source
FROM iu_core.iu_collection AS c
LEFT JOIN iu_core.iu_import_base AS b ON b.id = c.base_id
CROSS JOIN LATERAL (
  SELECT count(*)::integer AS pieces,
         coalesce(sum(v.byte_length + octet_length(coalesce(p.separator, CASE WHEN p.followed THEN c.joiner ELSE '' END))), 0)::bigint AS bytes,
         count(*) FILTER (WHERE v.unit_id IS NULL)::integer AS missing_body,
         count(*) FILTER (WHERE u.lifecycle_status IN ('retired', 'deleted'))::integer AS retired_inside
  FROM (SELECT *, lead(unit_id) OVER (ORDER BY position) IS NOT NULL AS followed FROM iu_core.iu_collection_piece WHERE collection_id = c.id) AS p
  JOIN iu_core.information_unit AS u ON u.id = p.unit_id
  LEFT JOIN iu_core.unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(p.pinned_version_seq, u.current_version_seq)
) AS p
WHERE c.status = 'active';
COMMENT ON VIEW iu_core.v_iu_collection_health IS 'Each collection counted anew from its rows: pieces and bytes, missing bodies, retired pieces inside, stale rendering, or one that differs from the source though nobody has edited it since';
GRANT SELECT ON iu_core.v_iu_collection_health TO iu_reader;
