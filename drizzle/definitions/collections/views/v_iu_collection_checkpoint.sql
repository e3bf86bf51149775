-- requires: iu_collection, iu_collection_checkpoint, iu_core
CREATE VIEW iu_core.v_iu_collection_checkpoint AS
SELECT c.canonical_address AS collection_address, k.checkpoint_no, k.label, k.revision, encode(k.manifest_digest, 'hex') AS manifest_digest, k.piece_count, k.byte_length, k.created_at, k.created_by,
       c.revision = k.revision AS is_current
FROM iu_core.iu_collection_checkpoint AS k JOIN iu_core.iu_collection AS c ON c.id = k.collection_id
WHERE c.status = 'active';
COMMENT ON VIEW iu_core.v_iu_collection_checkpoint IS 'The checkpoints of every collection';
GRANT SELECT ON iu_core.v_iu_collection_checkpoint TO iu_reader;
