-- requires: fn_iu_cursor_lock, fn_iu_cursor_advance, fn_iu_snapshot_within
-- What a cursor is done with is: all that is visible in snap_from, and what is visible in snap_to up to last_id
-- (between windows: snap_to = snap_from, without an end). Each of the three only ever adds, so the lesser of each
-- is a place that both have passed. What one of them did beyond it is read once more, in the same order, and
-- passed over because it has an attempt.
CREATE FUNCTION iu_core.fn_iu_cursor_join(p_worker_code text, p_joined_code text)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  k iu_route_worker_cursor;                       -- keeps its name and becomes what is stored
  j iu_route_worker_cursor;
  v_bucket_from smallint;
  v_bucket_to smallint;
  v_no_end constant bigint := 9223372036854775807;
  v_runs xid8[];                                  -- the transactions that either of them waits for
  v_is_lost boolean;                              -- there is no common place: everything is read once more, as after a restore
  v_reads text;
BEGIN
  IF p_worker_code = p_joined_code THEN
    RAISE EXCEPTION 'joined: % is the same worker', p_joined_code USING ERRCODE = 'IU002', COLUMN = 'joined', HINT = 'Name the worker whose buckets it takes over.';
  END IF;
  PERFORM fn_iu_cursor_lock(p_worker_code, p_joined_code);
  SELECT * INTO STRICT k FROM iu_route_worker_cursor WHERE worker_code = p_worker_code;
  SELECT * INTO STRICT j FROM iu_route_worker_cursor WHERE worker_code = p_joined_code;
  IF k.bucket_from <> j.bucket_to + 1 AND j.bucket_from <> k.bucket_to + 1 THEN
    RAISE EXCEPTION 'joined: buckets % to % do not touch % to %', j.bucket_from, j.bucket_to, k.bucket_from, k.bucket_to
      USING ERRCODE = 'IU002', COLUMN = 'joined', HINT = 'Join what lies between them first.';
  END IF;
  PERFORM fn_iu_cursor_advance(p_worker_code, p_joined_code);
  SELECT * INTO STRICT k FROM iu_route_worker_cursor WHERE worker_code = p_worker_code;
  SELECT * INTO STRICT j FROM iu_route_worker_cursor WHERE worker_code = p_joined_code;
  v_bucket_from := least(k.bucket_from, j.bucket_from);
  v_bucket_to := greatest(k.bucket_to, j.bucket_to);
  IF k.snap_to IS NULL THEN
    k.snap_to := k.snap_from; k.floor_to_id := k.floor_id; k.last_id := v_no_end;
  END IF;
  IF j.snap_to IS NULL THEN
    j.snap_to := j.snap_from; j.floor_to_id := j.floor_id; j.last_id := v_no_end;
  END IF;
  v_runs := ARRAY(SELECT pg_snapshot_xip(k.snap_from) UNION SELECT pg_snapshot_xip(k.snap_to) UNION SELECT pg_snapshot_xip(j.snap_from) UNION SELECT pg_snapshot_xip(j.snap_to));
  v_reads := CASE WHEN (k.snap_from::text, k.snap_to::text, k.last_id, k.trusted_id) IS NOT DISTINCT FROM (j.snap_from::text, j.snap_to::text, j.last_id, j.trusted_id) THEN 'nothing' ELSE 'some' END;
  v_is_lost := k.system_identifier IS NULL OR k.system_identifier IS DISTINCT FROM j.system_identifier
    -- In the first window after a restore rows are told apart by that window's list: it is the same, or there is no common place.
    OR greatest(k.trusted_id, j.trusted_id) > 0 AND (k.trusted_id, k.snap_to::text) IS DISTINCT FROM (j.trusted_id, j.snap_to::text);

  -- A snapshot and its floor were taken together, and stay together.
  IF NOT fn_iu_snapshot_within(k.snap_from, j.snap_from) THEN
    v_is_lost := v_is_lost OR NOT fn_iu_snapshot_within(j.snap_from, k.snap_from);
    k.snap_from := j.snap_from; k.floor_id := j.floor_id;
  END IF;
  IF NOT fn_iu_snapshot_within(k.snap_to, j.snap_to) THEN
    v_is_lost := v_is_lost OR NOT fn_iu_snapshot_within(j.snap_to, k.snap_to);
    k.snap_to := j.snap_to; k.floor_to_id := j.floor_to_id;
  END IF;
  k.last_id := least(k.last_id, j.last_id);
  -- A restored row may wait because its transaction id is by chance one that ran here. No window looks below its floor,
  -- so only a list that has the id finds it.
  IF v_is_lost OR EXISTS (SELECT FROM event_outbox AS e
                          WHERE e.xid = ANY (v_runs) AND e.xid >= pg_snapshot_xmax(k.snap_from) AND e.id <= k.floor_id AND e.delivery_lane <> 'held'
                            AND e.bucket BETWEEN v_bucket_from AND v_bucket_to AND NOT EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = e.id)) THEN
    k.system_identifier := NULL;
    v_reads := CASE WHEN EXISTS (SELECT FROM event_outbox) THEN 'everything' ELSE 'nothing' END;
  END IF;
  IF k.last_id = v_no_end OR k.snap_to::text = k.snap_from::text THEN
    k.snap_to := NULL; k.floor_to_id := 0; k.trusted_id := 0; k.last_id := 0;
  END IF;
  -- What a transaction has routed of its own events it must not meet again; it may have run passes of both.
  IF (k.own_xid = j.own_xid) IS NOT TRUE THEN
    k.own_xid := NULL;
  END IF;

  DELETE FROM iu_route_worker_cursor WHERE worker_code = p_joined_code;
  UPDATE iu_route_worker_cursor AS c
  SET bucket_from = v_bucket_from, bucket_to = v_bucket_to, system_identifier = k.system_identifier,
      snap_from = k.snap_from, floor_id = k.floor_id, snap_to = k.snap_to, floor_to_id = k.floor_to_id, trusted_id = k.trusted_id, last_id = k.last_id,
      own_xid = k.own_xid, own_last_id = CASE WHEN k.own_xid IS NULL THEN 0 ELSE least(k.own_last_id, j.own_last_id) END,
      reread_id = CASE v_reads WHEN 'nothing' THEN greatest(c.reread_id, j.reread_id) ELSE coalesce(pg_sequence_last_value('iu_core.event_outbox_id_seq'), 0) END,
      events_seen = c.events_seen + j.events_seen, last_pass_at = greatest(c.last_pass_at, j.last_pass_at)
  WHERE c.worker_code = p_worker_code;
  RETURN v_reads;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_cursor_join(text, text) IS 'Gives all buckets of a worker to another whose range touches them, at a place that both have passed, and removes its cursor; its attempts and counts stay. Returns what is read once more: nothing, some or everything. IU002 the ranges do not touch, IU003 unknown worker';
REVOKE ALL ON FUNCTION iu_core.fn_iu_cursor_join(text, text) FROM PUBLIC;
