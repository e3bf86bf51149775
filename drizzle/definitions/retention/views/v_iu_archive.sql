-- requires: iu_archive, iu_archive_move
CREATE VIEW iu_core.v_iu_archive AS
SELECT a.id AS archive_id, a.file_name, encode(a.file_digest, 'hex') AS file_digest, a.file_bytes, encode(a.content_digest, 'hex') AS content_digest, a.content_bytes,
       a.first_id, a.last_id, a.events, a.attempts, a.older_than, a.oldest_at, a.newest_at, a.made_at, a.made_by,
       coalesce(m.move = 'removed', false) AS is_removed, m.moved_at, m.moved_by
FROM iu_core.iu_archive AS a
LEFT JOIN LATERAL (SELECT move, moved_at, moved_by FROM iu_core.iu_archive_move WHERE archive_id = a.id ORDER BY id DESC LIMIT 1) AS m ON true;
COMMENT ON VIEW iu_core.v_iu_archive IS 'Every archive, and whether its events are removed from the outbox at present';
GRANT SELECT ON iu_core.v_iu_archive TO iu_reader;
