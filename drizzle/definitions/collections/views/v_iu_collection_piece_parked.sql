-- requires: iu_collection, iu_collection_piece_parked, information_unit
CREATE VIEW iu_core.v_iu_collection_piece_parked AS
SELECT c.canonical_address AS collection_address, k.position, u.canonical_address AS unit_address, u.unit_kind, u.title
FROM iu_core.iu_collection_piece_parked AS k
JOIN iu_core.iu_collection AS c ON c.id = k.collection_id
JOIN iu_core.information_unit AS u ON u.id = k.unit_id
WHERE c.status = 'active' AND u.lifecycle_status = 'deleted';
COMMENT ON VIEW iu_core.v_iu_collection_piece_parked IS 'Soft-deleted pieces, with the collection and position that they stood at';
GRANT SELECT ON iu_core.v_iu_collection_piece_parked TO iu_reader;
