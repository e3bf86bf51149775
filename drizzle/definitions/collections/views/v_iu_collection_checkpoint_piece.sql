-- requires: information_unit, iu_collection, iu_collection_checkpoint_piece, iu_core, unit_version
CREATE VIEW iu_core.v_iu_collection_checkpoint_piece AS
SELECT c.canonical_address AS collection_address, k.checkpoint_no, k.position, u.canonical_address AS unit_address, k.unit_kind, k.title, k.version_seq,
       encode(v.content_digest, 'hex') AS content_digest, v.byte_length
FROM iu_core.iu_collection_checkpoint_piece AS k
JOIN iu_core.iu_collection AS c ON c.id = k.collection_id
JOIN iu_core.information_unit AS u ON u.id = k.unit_id
JOIN iu_core.unit_version AS v ON v.unit_id = k.unit_id AND v.version_seq = k.version_seq
WHERE c.status = 'active';
COMMENT ON VIEW iu_core.v_iu_collection_checkpoint_piece IS 'The pieces of every checkpoint; order by position within one';
GRANT SELECT ON iu_core.v_iu_collection_checkpoint_piece TO iu_reader;
