-- requires: iu_collection, iu_collection_piece, information_unit, unit_version, iu_tree_path
CREATE VIEW iu_core.v_iu_collection_piece AS
SELECT p.collection_id, c.canonical_address AS collection_address, p.position, u.id AS unit_id, u.canonical_address AS unit_address,
       u.unit_kind, u.lifecycle_status, u.title, coalesce(t.section_level, 0)::integer AS section_level,
       -- How many sections stand around it, by the levels of their headings.
       CASE WHEN t.section_level > 0 THEN t.section_level - 1 ELSE coalesce(s.section_level, 0) END::integer AS depth,
       v.version_seq, p.pinned_version_seq IS NOT NULL AS pinned, encode(v.content_digest, 'hex') AS content_digest, v.byte_length,
       CASE WHEN p.separator IS NOT NULL THEN p.separator
            WHEN EXISTS (SELECT FROM iu_core.iu_collection_piece AS n WHERE n.collection_id = p.collection_id AND n.position > p.position) THEN c.joiner
            ELSE '' END AS separator,
       v.body,
       (SELECT count(*) FROM iu_core.iu_collection_piece AS o WHERE o.unit_id = p.unit_id)::integer AS used_in
FROM iu_core.iu_collection_piece AS p
JOIN iu_core.iu_collection AS c ON c.id = p.collection_id
JOIN iu_core.information_unit AS u ON u.id = p.unit_id
-- There is exactly one; a join would be taken for one in two hundred, and a page for the whole collection.
CROSS JOIN LATERAL (SELECT * FROM iu_core.unit_version WHERE unit_id = u.id AND version_seq = coalesce(p.pinned_version_seq, u.current_version_seq) LIMIT 1) AS v
LEFT JOIN iu_core.iu_tree_path AS t ON t.unit_id = u.id
LEFT JOIN iu_core.iu_tree_path AS s ON s.unit_id = t.parent_unit_id
WHERE c.status = 'active';
COMMENT ON VIEW iu_core.v_iu_collection_piece IS 'The rows of a manifest; order by position within one collection. body || separator, in order, is the rendering';
GRANT SELECT ON iu_core.v_iu_collection_piece TO iu_reader;
