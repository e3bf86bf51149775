-- requires: event_outbox, iu_route_worker_cursor, fn_iu_system_identifier
-- A view and not a function: it is read for every event that waits. The worker is found by the bucket in a hash, however many
-- there are; what is the same for all events of a worker is asked once for each bucket.
CREATE VIEW iu_core.v_iu_event_claim AS
SELECT e.id AS event_id, e.xid, e.event_domain, e.event_type, e.created_at, c.worker_code,
       CASE
         WHEN c.worker_code IS NULL THEN NULL  -- a bucket without a cursor: nobody will ever look at its events
         WHEN c.is_foreign THEN false
         WHEN pg_visible_in_snapshot(e.xid, c.snap_from) THEN true
         WHEN e.id <= c.floor_id AND e.xid >= c.snap_from_xmax THEN true  -- no window looks below its floor
         WHEN e.xid = c.own_xid AND e.id <= c.own_last_id THEN true
         WHEN c.snap_to IS NULL OR e.id > c.last_id THEN false
         WHEN e.id <= c.trusted_id THEN e.xid NOT IN (SELECT pg_snapshot_xip(c.snap_to))
         ELSE pg_visible_in_snapshot(e.xid, c.snap_to)
       END AS is_passed, e.released_from
FROM iu_core.event_outbox AS e
JOIN (
  SELECT b.bucket, w.worker_code, w.snap_from, w.floor_id, w.snap_to, w.trusted_id, w.last_id, w.own_xid, w.own_last_id, pg_snapshot_xmax(w.snap_from) AS snap_from_xmax,
         w.system_identifier IS DISTINCT FROM (SELECT iu_core.fn_iu_system_identifier()) OR pg_snapshot_xmin(w.snap_from) > (SELECT pg_snapshot_xmax(pg_current_snapshot())) AS is_foreign
  FROM (VALUES (0::smallint), (1::smallint), (2::smallint), (3::smallint), (4::smallint), (5::smallint), (6::smallint), (7::smallint), (8::smallint), (9::smallint), (10::smallint), (11::smallint), (12::smallint), (13::smallint), (14::smallint), (15::smallint)) AS b(bucket)
  LEFT JOIN iu_core.iu_route_worker_cursor AS w ON b.bucket BETWEEN w.bucket_from AND w.bucket_to
  OFFSET 0
) AS c ON c.bucket = e.bucket
WHERE e.delivery_lane <> 'held';
COMMENT ON VIEW iu_core.v_iu_event_claim IS 'For every event that is not held: the worker whose it is, and whether that worker claims to be done with it; null and null where no cursor owns its bucket. Accounting holds the claim against the attempts';
