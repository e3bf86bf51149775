-- requires: iu_collection
CREATE VIEW iu_core.v_iu_collection_sealed AS
SELECT id AS collection_id, canonical_address, coalesce(rendered_event_id, 0) AS rendered_event_id, render_revision,
       encode(render_digest, 'hex') AS render_digest, encode(manifest_digest, 'hex') AS manifest_digest
FROM iu_core.iu_collection
WHERE status = 'active' AND render_revision = revision AND manifest_revision = revision;
COMMENT ON VIEW iu_core.v_iu_collection_sealed IS 'Collections as they were last rendered, while they still are what was rendered: the event that said so, and both digests';
GRANT SELECT ON iu_core.v_iu_collection_sealed TO iu_reader;
