-- requires: event_outbox, fn_iu_json_unbounded, iu_event_audit, iu_event_audit_late, iu_event_audit_open, iu_route_attempt, iu_route_dead_letter, v_iu_replay_left
-- As v_iu_event_archivable, for all events at once and with the reason why one stays.
CREATE FUNCTION iu_core.fn_iu_archive_forecast(p_older_than timestamptz)
RETURNS TABLE (verdict text, events bigint, attempts bigint, oldest_at timestamptz, newest_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT verdict, count(*), coalesce(sum(n), 0)::bigint, min(created_at), max(created_at)
  FROM (
    SELECT e.created_at, a.n, CASE
             WHEN e.delivery_lane = 'held' THEN 'held'
             WHEN e.released_from IS NOT NULL THEN 'releases_a_held_event'
             WHEN a.event_id IS NULL THEN 'not_attempted'
             WHEN e.id > coalesce(u.through_id, 0) OR o.event_id IS NOT NULL OR l.xid IS NOT NULL THEN 'not_audited'
             WHEN EXISTS (SELECT FROM iu_route_dead_letter AS d WHERE d.event_id = e.id AND d.status = 'open') THEN 'open_dead_letter'
             WHEN e.id IN (SELECT event_id FROM v_iu_replay_left) THEN 'to_be_replayed'
             WHEN a.newest_at >= p_older_than THEN 'attempted_since'
             WHEN fn_iu_json_unbounded(e.payload, 67108864) IS NOT NULL THEN 'cannot_be_written_out'
             ELSE 'archivable' END AS verdict
    FROM event_outbox AS e
    LEFT JOIN (SELECT event_id, count(*) AS n, max(created_at) AS newest_at FROM iu_route_attempt GROUP BY event_id) AS a ON a.event_id = e.id
    LEFT JOIN iu_event_audit AS u ON true
    LEFT JOIN iu_event_audit_open AS o ON o.event_id = e.id
    LEFT JOIN iu_event_audit_late AS l ON l.xid = e.xid AND e.id <= l.through_id
    WHERE e.created_at < p_older_than
  ) AS judged
  GROUP BY verdict
$$;
COMMENT ON FUNCTION iu_core.fn_iu_archive_forecast(timestamptz) IS 'What an archive of all events older than a time would take, and what would stay and why. It takes as long as there are events';
REVOKE ALL ON FUNCTION iu_core.fn_iu_archive_forecast(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_archive_forecast(timestamptz) TO iu_reader;
