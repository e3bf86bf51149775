-- requires: v_iu_export_pending
-- In step is a folder that has every collection as it is now, and not only each rendering that there was.
CREATE VIEW iu_core.v_iu_exporter AS
SELECT x.id AS exporter_id, x.host, x.folder, x.created_at, x.created_by,
       (SELECT count(*) FROM iu_core.v_iu_export_pending AS p WHERE p.exporter_id = x.id)::integer AS pending,
       (SELECT count(*) FROM iu_core.v_iu_export_pending AS p WHERE p.exporter_id = x.id AND p.is_changed)::integer AS changed,
       e.exported, e.exported_at,
       EXISTS (SELECT FROM pg_locks AS l WHERE l.locktype = 'advisory' AND l.granted AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
               AND l.classid::bigint = (hashtext('iu_core export')::bigint & 4294967295) AND l.objid::bigint = x.id AND l.objsubid = 2) AS is_running,
       (SELECT count(*) FROM iu_core.iu_collection AS c LEFT JOIN iu_core.iu_export AS f ON (f.exporter_id, f.collection_id) = (x.id, c.id)
        WHERE c.status = 'active' AND f.event_id IS NOT DISTINCT FROM coalesce(c.rendered_event_id, 0) AND c.render_revision IS DISTINCT FROM c.revision AND c.render_digest IS NOT NULL)::integer AS edited,
       (SELECT count(*) FROM iu_core.iu_collection AS c WHERE c.status = 'active' AND c.render_digest IS NULL)::integer AS unrendered
FROM iu_core.iu_exporter AS x
CROSS JOIN LATERAL (SELECT count(exported_at)::integer AS exported, max(exported_at) AS exported_at FROM iu_core.iu_export WHERE exporter_id = x.id) AS e;
COMMENT ON VIEW iu_core.v_iu_exporter IS 'Folders that are exported into: how much each lacks, and whether a session holds it now. edited: exported as rendered, and changed since; unrendered: never rendered';
GRANT SELECT ON iu_core.v_iu_exporter TO iu_reader;
