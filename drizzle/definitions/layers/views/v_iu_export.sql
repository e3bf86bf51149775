-- requires: iu_export, iu_collection
CREATE VIEW iu_core.v_iu_export AS
SELECT e.exporter_id, e.collection_id, c.canonical_address, e.event_id, e.revision, encode(e.render_digest, 'hex') AS render_digest,
       encode(e.manifest_digest, 'hex') AS manifest_digest, e.byte_length, e.exported_at, e.exported_by,
       ARRAY(SELECT encode(i, 'hex') FROM unnest(e.intended) AS i) AS intended
FROM iu_core.iu_export AS e JOIN iu_core.iu_collection AS c ON c.id = e.collection_id;
COMMENT ON VIEW iu_core.v_iu_export IS 'What was read back from each folder, and what was about to be put there';
GRANT SELECT ON iu_core.v_iu_export TO iu_reader;
