-- requires: event_outbox, iu_route_worker_cursor, fn_iu_system_identifier
-- A view and not a function: it is read for every event that waits. What is the same for all of them stands in
-- sub-selects of its own, which are asked once.
CREATE VIEW iu_core.v_iu_event_claim AS
SELECT e.id AS event_id, e.xid, e.event_domain, e.event_type, e.created_at, c.worker_code,
       CASE
         WHEN c.system_identifier IS DISTINCT FROM (SELECT iu_core.fn_iu_system_identifier())
           OR pg_snapshot_xmin(c.snap_from) > (SELECT pg_snapshot_xmax(pg_current_snapshot())) THEN false
         WHEN pg_visible_in_snapshot(e.xid, c.snap_from) THEN true
         WHEN e.xid >= pg_snapshot_xmax(c.snap_from) AND e.id <= c.floor_id THEN true  -- no window looks below its floor
         WHEN e.xid = c.own_xid AND e.id <= c.own_last_id THEN true
         WHEN c.snap_to IS NULL OR e.id > c.last_id THEN false
         WHEN e.id <= c.trusted_id THEN e.xid NOT IN (SELECT pg_snapshot_xip(c.snap_to))
         ELSE pg_visible_in_snapshot(e.xid, c.snap_to)
       END AS is_passed, e.released_from
FROM iu_core.iu_route_worker_cursor AS c
JOIN iu_core.event_outbox AS e ON e.bucket BETWEEN c.bucket_from AND c.bucket_to AND e.delivery_lane <> 'held';
COMMENT ON VIEW iu_core.v_iu_event_claim IS 'For every event that is not held: the worker whose it is, and whether that worker claims to be done with it. Accounting holds the claim against the attempts';
