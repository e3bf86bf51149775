-- requires: iu_collection
CREATE VIEW iu_core.v_iu_collection_manifest AS
SELECT id AS collection_id, canonical_address, collection_kind, title, status, source_path, revision, piece_count, byte_length,
       encode(manifest_digest, 'hex') AS manifest_digest, manifest_revision, manifest_revision IS NOT DISTINCT FROM revision AS manifest_current,
       encode(render_digest, 'hex') AS render_digest, render_revision,
       encode(source_digest, 'hex') AS source_digest, source_byte_length,
       CASE WHEN source_digest IS NULL THEN 'no_source'
            WHEN render_revision IS DISTINCT FROM revision THEN 'stale'
            WHEN render_digest = source_digest THEN 'identical'
            ELSE 'differs' END AS round_trip,
       created_at, created_by, updated_at
FROM iu_core.iu_collection
WHERE status = 'active';
COMMENT ON VIEW iu_core.v_iu_collection_manifest IS 'One row a collection: counts, digests, and whether its rendering is the file it was cut from';
GRANT SELECT ON iu_core.v_iu_collection_manifest TO iu_reader;
