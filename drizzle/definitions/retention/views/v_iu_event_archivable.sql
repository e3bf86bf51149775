-- requires: event_outbox, fn_iu_json_unbounded, iu_event_audit, iu_event_audit_late, iu_event_audit_open, iu_route_attempt, iu_route_dead_letter, v_iu_event_claim, v_iu_replay_left
-- The one place that decides what may leave: an event that the audit has counted as attempted, that its worker has gone by
-- and that nothing refers to or is to replay. Lane held and the rows that release from it stay: each explains the other.
CREATE VIEW iu_core.v_iu_event_archivable AS
SELECT e.id AS event_id, greatest(e.created_at, a.newest_at) AS newest_at
FROM iu_core.event_outbox AS e
CROSS JOIN LATERAL (SELECT max(created_at) AS newest_at FROM iu_core.iu_route_attempt WHERE event_id = e.id HAVING bool_or(attempt_no = 1) OFFSET 0) AS a
WHERE e.id <= (SELECT through_id FROM iu_core.iu_event_audit)
  AND e.delivery_lane <> 'held' AND e.released_from IS NULL
  AND NOT EXISTS (SELECT FROM iu_core.iu_event_audit_open AS o WHERE o.event_id = e.id)
  AND NOT EXISTS (SELECT FROM iu_core.iu_event_audit_late AS l WHERE l.xid = e.xid AND e.id <= l.through_id)
  AND NOT EXISTS (SELECT FROM iu_core.iu_route_dead_letter AS d WHERE d.event_id = e.id AND d.status = 'open')
  AND e.id NOT IN (SELECT event_id FROM iu_core.v_iu_replay_left)   -- hashed once, however large the replay
  AND EXISTS (SELECT FROM iu_core.v_iu_event_claim AS c WHERE c.event_id = e.id AND c.is_passed)
  AND iu_core.fn_iu_json_unbounded(e.payload, 67108864) IS NULL;   -- older than the bound, it cannot be written into a file
COMMENT ON VIEW iu_core.v_iu_event_archivable IS 'Events that may be archived when they are old enough: newest_at is the time of the event or of its last attempt';
