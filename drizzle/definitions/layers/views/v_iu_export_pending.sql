-- requires: iu_export, iu_exporter, iu_collection
CREATE VIEW iu_core.v_iu_export_pending AS
SELECT x.id AS exporter_id, c.id AS collection_id, c.canonical_address, coalesce(c.rendered_event_id, 0) AS event_id,
       encode(c.render_digest, 'hex') AS render_digest, c.render_revision IS DISTINCT FROM c.revision AS is_changed,
       e.event_id AS exported_event_id
FROM iu_core.iu_exporter AS x
CROSS JOIN iu_core.iu_collection AS c
LEFT JOIN iu_core.iu_export AS e ON (e.exporter_id, e.collection_id) = (x.id, c.id)
WHERE c.status = 'active' AND c.render_digest IS NOT NULL AND e.event_id IS DISTINCT FROM coalesce(c.rendered_event_id, 0);
COMMENT ON VIEW iu_core.v_iu_export_pending IS 'Renderings that a folder does not have yet: the last collection_rendered of a collection is not the one that was exported. is_changed: the collection changed since, and has to be rendered once more first';
GRANT SELECT ON iu_core.v_iu_export_pending TO iu_reader;
