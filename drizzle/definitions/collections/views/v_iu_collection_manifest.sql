-- requires: iu_collection, iu_import_base
CREATE VIEW iu_core.v_iu_collection_manifest AS
SELECT c.id AS collection_id, c.canonical_address, c.collection_kind, c.title, c.status, c.source_path, c.revision, c.piece_count, c.byte_length,
       encode(c.manifest_digest, 'hex') AS manifest_digest, c.manifest_revision, c.manifest_revision IS NOT DISTINCT FROM c.revision AS manifest_current,
       encode(c.render_digest, 'hex') AS render_digest, c.render_revision,
       encode(c.source_digest, 'hex') AS source_digest, c.source_byte_length,
       CASE WHEN c.source_digest IS NULL THEN 'no_source'
            WHEN c.render_revision = c.revision AND c.render_digest = c.source_digest THEN 'identical'
            -- Nobody has touched it since the import, and still it is not what was imported: only that is a fault.
            WHEN b.revision = c.revision THEN CASE WHEN c.render_revision = c.revision THEN 'differs' ELSE 'stale' END
            ELSE 'edited' END AS round_trip,
       c.created_at, c.created_by, c.updated_at
FROM iu_core.iu_collection AS c LEFT JOIN iu_core.iu_import_base AS b ON b.id = c.base_id
WHERE c.status = 'active';
COMMENT ON VIEW iu_core.v_iu_collection_manifest IS 'One row a collection: counts, digests, and its round trip: identical to the file that it was cut from, edited since the import, or (a fault) differing without an edit';
GRANT SELECT ON iu_core.v_iu_collection_manifest TO iu_reader;
