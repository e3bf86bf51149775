-- unit: schema

ALTER TABLE iu_core.iu_route_worker_cursor ADD COLUMN reread_id bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN iu_core.iu_route_worker_cursor.reread_id IS 'rows up to here may be read once more after a join or a reset: what has an attempt is passed over';

CREATE TABLE iu_core.iu_worker_process (
  process_id uuid CONSTRAINT iu_worker_process_pkey PRIMARY KEY,
  kind text COLLATE "C" NOT NULL,
  worker_code text COLLATE "C",
  host text NOT NULL,
  pid integer NOT NULL,
  status text COLLATE "C" NOT NULL,
  events_seen bigint NOT NULL,
  run_by text NOT NULL DEFAULT session_user,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  last_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT iu_worker_process_kind_chk CHECK (kind IN ('cli', 'schedule')),
  CONSTRAINT iu_worker_process_status_chk CHECK (status IN ('routed', 'idle', 'busy', 'worker_gate_closed', 'master_gate_closed'))
) WITH (fillfactor = 50);
COMMENT ON TABLE iu_core.iu_worker_process IS 'Processes that run passes: each tells every few seconds that it lives, and takes its row away when it ends in order';
COMMENT ON COLUMN iu_core.iu_worker_process.worker_code IS 'whose passes it runs; null = every worker''s';
COMMENT ON COLUMN iu_core.iu_worker_process.status IS 'how its last pass ended';
COMMENT ON COLUMN iu_core.iu_worker_process.events_seen IS 'by this process, since it started';

-- One row at most. Without it the consoles run no pass: missing is disabled, as with a gate.
CREATE TABLE iu_core.iu_worker_schedule (
  schedule_code text COLLATE "C" CONSTRAINT iu_worker_schedule_pkey PRIMARY KEY DEFAULT 'console',
  enabled boolean NOT NULL,
  poll_ms integer NOT NULL,
  batch_size integer NOT NULL,
  reason text NOT NULL,
  changed_by text NOT NULL DEFAULT session_user,
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT iu_worker_schedule_one_chk CHECK (schedule_code = 'console'),
  CONSTRAINT iu_worker_schedule_poll_chk CHECK (poll_ms BETWEEN 10 AND 60000),
  CONSTRAINT iu_worker_schedule_batch_chk CHECK (batch_size BETWEEN 1 AND 100000)
);
COMMENT ON TABLE iu_core.iu_worker_schedule IS 'Whether the consoles'' servers run passes, of every worker, and how often; an approver''s command enables it';
COMMENT ON COLUMN iu_core.iu_worker_schedule.poll_ms IS 'wait after a round that found nothing';

-- requires: iu_worker_schedule
CREATE VIEW iu_core.v_iu_worker_schedule AS
SELECT coalesce(s.enabled, false) AS enabled, coalesce(s.poll_ms, 250) AS poll_ms, coalesce(s.batch_size, 1000) AS batch_size, s.reason, s.changed_by, s.changed_at
FROM (VALUES (1)) AS one(n) LEFT JOIN iu_core.iu_worker_schedule AS s ON true;
COMMENT ON VIEW iu_core.v_iu_worker_schedule IS 'The consoles'' schedule; what it would be where there is no row';
GRANT SELECT ON iu_core.v_iu_worker_schedule TO iu_reader;

-- requires: iu_worker_schedule, v_iu_worker_schedule, fn_iu_actor
CREATE FUNCTION iu_core.fn_dot_schedule_switched(p_enabled boolean, p_poll_ms integer, p_batch_size integer, p_reason text)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_before jsonb;
  v_after jsonb;
BEGIN
  -- Two who switch it take turns, also while there is no row to lock.
  PERFORM pg_advisory_xact_lock(hashtextextended('iu_core.iu_worker_schedule', 0));
  SELECT jsonb_build_object('enabled', enabled, 'poll_ms', poll_ms, 'batch_size', batch_size) INTO STRICT v_before FROM v_iu_worker_schedule;
  v_after := v_before || jsonb_strip_nulls(jsonb_build_object('enabled', p_enabled, 'poll_ms', p_poll_ms, 'batch_size', p_batch_size));
  IF v_after = v_before THEN
    RAISE EXCEPTION 'the schedule is % already', CASE WHEN p_enabled THEN 'enabled like that' ELSE 'disabled' END USING ERRCODE = 'IU016';
  END IF;
  INSERT INTO iu_worker_schedule (enabled, poll_ms, batch_size, reason, changed_by)
  VALUES ((v_after -> 'enabled')::boolean, (v_after -> 'poll_ms')::integer, (v_after -> 'batch_size')::integer, p_reason, fn_iu_actor())
  ON CONFLICT (schedule_code) DO UPDATE
  SET enabled = excluded.enabled, poll_ms = excluded.poll_ms, batch_size = excluded.batch_size, reason = excluded.reason, changed_by = excluded.changed_by, changed_at = clock_timestamp();
  RETURN jsonb_build_object(
    'state', v_before,
    'objects', jsonb_build_array(jsonb_build_object('ref', 'schedule:console', 'change', 'update', 'before', v_before, 'after', v_after)),
    'result', v_after,
    'checks', jsonb_build_array(jsonb_build_object('name', CASE WHEN p_enabled THEN 'schedule_is_enabled' ELSE 'schedule_is_disabled' END, 'kind', 'schedule') || v_after),
    'inverse', CASE WHEN (v_before -> 'enabled')::boolean
      THEN jsonb_build_object('command', 'dot_iu_enable_schedule', 'params', v_before - 'enabled')
      ELSE jsonb_build_object('command', 'dot_iu_disable_schedule', 'params', '{}'::jsonb) END);
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_schedule_switched(boolean, integer, integer, text) IS 'Switches the consoles'' schedule, or changes its pace, and returns what the handlers return; IU016 it is so already';
REVOKE ALL ON FUNCTION iu_core.fn_dot_schedule_switched(boolean, integer, integer, text) FROM PUBLIC;

-- requires: fn_dot_schedule_switched, iu_core
CREATE FUNCTION iu_core.dot_iu_disable_schedule(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  RETURN fn_dot_schedule_switched(false, NULL, NULL, coalesce(p_context ->> 'reason', 'a plan'));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_disable_schedule(jsonb, jsonb) IS 'Stops the passes that the consoles'' servers run, within a second or so; iu worker goes on';
REVOKE ALL ON FUNCTION iu_core.dot_iu_disable_schedule(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_dot_schedule_switched, iu_core
CREATE FUNCTION iu_core.dot_iu_enable_schedule(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  RETURN fn_dot_schedule_switched(true, (p_params ->> 'poll_ms')::integer, (p_params ->> 'batch_size')::integer, coalesce(p_context ->> 'reason', 'a plan'));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_enable_schedule(jsonb, jsonb) IS 'Lets the consoles'' servers run the passes of every worker, at this pace';
REVOKE ALL ON FUNCTION iu_core.dot_iu_enable_schedule(jsonb, jsonb) FROM PUBLIC;

-- requires: iu_route_worker_cursor
CREATE FUNCTION iu_core.fn_dot_cursor_object(p_worker_code text)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT jsonb_build_object('bucket_from', bucket_from, 'bucket_to', bucket_to) FROM iu_route_worker_cursor WHERE worker_code = p_worker_code $$;
COMMENT ON FUNCTION iu_core.fn_dot_cursor_object(text) IS 'A worker''s range of buckets, as receipts show it; null where there is no such worker';
REVOKE ALL ON FUNCTION iu_core.fn_dot_cursor_object(text) FROM PUBLIC;

-- requires: iu_route_worker_cursor
-- Whoever changes which cursors there are goes first by a lock of its own, so that none of them goes away
-- while another waits for it; then the locks that passes hold. A pass takes milliseconds: who waits longer
-- is told so (55P03) and has held up nobody.
CREATE FUNCTION iu_core.fn_iu_cursor_lock(VARIADIC p_worker_codes text[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET lock_timeout = '2s'
AS $$
DECLARE
  v_missing text;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.iu_route_worker_cursor'), 0);
  SELECT asked INTO v_missing FROM unnest(p_worker_codes) AS asked WHERE NOT EXISTS (SELECT FROM iu_route_worker_cursor AS c WHERE c.worker_code = asked) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'worker_code: % has no cursor', coalesce(v_missing, 'null') USING ERRCODE = 'IU003', COLUMN = 'worker_code';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.iu_route_worker_cursor'), c.lock_no)
  FROM (SELECT lock_no FROM iu_route_worker_cursor WHERE worker_code = ANY (p_worker_codes) ORDER BY lock_no) AS c;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_cursor_lock(text[]) IS 'Keeps passes off these cursors until the end of the transaction, waiting at most two seconds for one under way (55P03). IU003 unknown worker';
REVOKE ALL ON FUNCTION iu_core.fn_iu_cursor_lock(text[]) FROM PUBLIC;

-- requires: fn_iu_event_pending
-- For cursors under their locks. A pass over nothing writes nothing, so the cursor of a worker that finds nothing
-- stays where it last did, however long ago. Those that nothing waits for are brought to the present here.
CREATE FUNCTION iu_core.fn_iu_cursor_advance(VARIADIC p_worker_codes text[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_floor bigint;
  v_newest xid8;
  v_now pg_snapshot;
BEGIN
  -- In the order of a pass: floor, newest transaction, snapshot. What waits is looked for after it, and so
  -- finds all that the snapshot shows.
  v_floor := coalesce(pg_sequence_last_value('iu_core.event_outbox_id_seq'), 0);
  v_newest := fn_iu_newest_xid(pg_current_xact_id());
  v_now := pg_current_snapshot();
  UPDATE iu_route_worker_cursor AS c
  SET snap_from = fn_iu_snapshot_fenced(v_now, pg_current_xact_id(), v_newest), floor_id = v_floor, snap_to = NULL, floor_to_id = 0, last_id = 0
  WHERE c.worker_code = ANY (p_worker_codes)
    -- What has yet to read everything reads everything.
    AND c.system_identifier = fn_iu_system_identifier() AND c.trusted_id = 0 AND pg_snapshot_xmin(c.snap_from) <= pg_snapshot_xmax(v_now)
    AND NOT EXISTS (SELECT FROM fn_iu_event_pending(1) AS p WHERE p.worker_code = c.worker_code);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_cursor_advance(text[]) IS 'Brings those of these cursors that nothing waits for to the present; the caller holds their locks';
REVOKE ALL ON FUNCTION iu_core.fn_iu_cursor_advance(text[]) FROM PUBLIC;

-- Snapshots of one cluster lie within each other in the order in which they were taken, fenced or not.
CREATE FUNCTION iu_core.fn_iu_snapshot_within(p_inner pg_snapshot, p_outer pg_snapshot)
RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT NOT EXISTS (SELECT FROM pg_snapshot_xip(p_outer) AS x WHERE pg_visible_in_snapshot(x, p_inner))
     -- What the outer one does not know at all, the inner one must list as in progress, without a gap.
     AND (SELECT count(*) FROM pg_snapshot_xip(p_inner) AS x WHERE x >= pg_snapshot_xmax(p_outer))
         >= pg_snapshot_xmax(p_inner)::text::numeric - pg_snapshot_xmax(p_outer)::text::numeric
$$;
COMMENT ON FUNCTION iu_core.fn_iu_snapshot_within(pg_snapshot, pg_snapshot) IS 'Whether all that is visible in the first snapshot is visible in the second';
REVOKE ALL ON FUNCTION iu_core.fn_iu_snapshot_within(pg_snapshot, pg_snapshot) FROM PUBLIC;

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

-- requires: fn_dot_cursor_object, fn_iu_cursor_join, iu_core
CREATE FUNCTION iu_core.dot_iu_join_cursors(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_worker constant text := p_params ->> 'worker';
  v_joined constant text := p_params ->> 'joined';
  v_before jsonb;
  v_gone jsonb;
  v_reads text;
BEGIN
  IF fn_dot_cursor_object(v_joined) IS NULL THEN
    RAISE EXCEPTION 'joined: % has no cursor', v_joined USING ERRCODE = 'IU003', COLUMN = 'joined';
  END IF;
  PERFORM fn_iu_cursor_lock(v_worker, v_joined);
  v_before := fn_dot_cursor_object(v_worker);
  v_gone := fn_dot_cursor_object(v_joined);
  v_reads := fn_iu_cursor_join(v_worker, v_joined);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('worker', v_before, 'joined', v_gone),
    'objects', jsonb_build_array(
      jsonb_build_object('ref', 'cursor:' || v_worker, 'change', 'update', 'before', v_before, 'after', fn_dot_cursor_object(v_worker)),
      jsonb_build_object('ref', 'cursor:' || v_joined, 'change', 'delete', 'before', v_gone)),
    'refs', jsonb_build_array('worker:' || v_worker, 'worker:' || v_joined),
    'result', jsonb_build_object('workers', jsonb_build_object(v_worker, fn_dot_cursor_object(v_worker)), 'reads_again', v_reads),
    'notes', CASE v_reads
      WHEN 'nothing' THEN jsonb_build_array(format('A process that serves %s by name ends with its next pass.', v_joined))
      WHEN 'some' THEN jsonb_build_array('The two are not in the same place: what one of them did beyond the other is read once more, and nothing is decided twice.')
      ELSE jsonb_build_array('At least one of them has yet to read everything, as after a restore: every event is read once more, and nothing is decided twice.') END,
    'checks', jsonb_build_array(
      jsonb_build_object('name', 'worker_has_all_buckets', 'kind', 'cursor', 'worker', v_worker) || fn_dot_cursor_object(v_worker),
      jsonb_build_object('name', 'joined_worker_has_none', 'kind', 'cursor', 'worker', v_joined, 'bucket_from', NULL, 'bucket_to', NULL)),
    'inverse', jsonb_build_object('command', 'dot_iu_split_cursor', 'params', CASE WHEN (v_gone -> 'bucket_from')::integer > (v_before -> 'bucket_from')::integer
      THEN jsonb_build_object('worker', v_worker, 'new_worker', v_joined, 'bucket', v_gone -> 'bucket_from')
      ELSE jsonb_build_object('worker', v_worker, 'new_worker', v_joined, 'bucket', v_before -> 'bucket_from', 'new_part', 'lower') END));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_join_cursors(jsonb, jsonb) IS 'Gives all buckets of a worker to one whose buckets touch them, while both go on';
REVOKE ALL ON FUNCTION iu_core.dot_iu_join_cursors(jsonb, jsonb) FROM PUBLIC;

-- requires: iu_route_worker_cursor
-- One page of a window, as one statement: read, decide, write attempts, dead-letter.
-- A generic plan always: a custom one is made anew on each pass and is no better.
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_page(
  p_cursor iu_core.iu_route_worker_cursor, p_own xid8, p_batch_size integer, p_is_reread boolean,
  OUT seen integer, OUT last_id bigint, OUT decided_at timestamptz, OUT route_ids integer[], OUT statuses text[], OUT counts integer[],
  OUT dead_lettered integer, OUT live_events bigint[], OUT live_routes integer[])
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  v_new_from constant xid8 := pg_snapshot_xmax(p_cursor.snap_from);
  v_running constant xid8[] := ARRAY(SELECT pg_snapshot_xip(p_cursor.snap_to));
  -- In progress when the last window ended, finished by the end of this one: the late commits.
  v_late constant xid8[] := ARRAY(SELECT x FROM pg_snapshot_xip(p_cursor.snap_from) AS x WHERE pg_visible_in_snapshot(x, p_cursor.snap_to));
  v_own_after constant bigint := CASE WHEN p_cursor.own_xid = p_own THEN p_cursor.own_last_id ELSE 0 END;
  -- A list and not a range: of a range the planner expects one event in two hundred, and joins a whole page one by one.
  v_buckets constant integer[] := ARRAY(SELECT generate_series(p_cursor.bucket_from::integer, p_cursor.bucket_to::integer));
BEGIN
  -- One time for the page: an hour's attempts and its roll-up are the same ones.
  decided_at := clock_timestamp();
  WITH page AS MATERIALIZED (
    SELECT id, event_type, payload FROM (
      (SELECT late.* FROM unnest(v_late) AS l(x) CROSS JOIN LATERAL (
         SELECT e.id, e.event_type, e.payload FROM event_outbox AS e
         WHERE e.xid = l.x AND e.delivery_lane <> 'held' AND e.bucket = ANY (v_buckets)
           AND e.id > CASE WHEN l.x = p_cursor.own_xid THEN greatest(p_cursor.last_id, p_cursor.own_last_id) ELSE p_cursor.last_id END
         ORDER BY e.id LIMIT p_batch_size) AS late)
      UNION ALL
      (SELECT e.id, e.event_type, e.payload FROM event_outbox AS e
       WHERE e.id > greatest(p_cursor.last_id, p_cursor.floor_id) AND e.xid >= v_new_from
         AND CASE WHEN e.id <= p_cursor.trusted_id THEN e.xid <> ALL (v_running) ELSE pg_visible_in_snapshot(e.xid, p_cursor.snap_to) END
         AND e.delivery_lane <> 'held' AND e.bucket = ANY (v_buckets)
       ORDER BY e.id LIMIT p_batch_size)
      UNION ALL
      (SELECT e.id, e.event_type, e.payload FROM event_outbox AS e
       WHERE e.xid = p_own AND e.id > v_own_after
         AND e.delivery_lane <> 'held' AND e.bucket = ANY (v_buckets)
       ORDER BY e.id LIMIT p_batch_size)
    ) AS became_visible
    ORDER BY id LIMIT p_batch_size
  ), rule AS MATERIALIZED (             -- read once a page, not once an event
    SELECT * FROM v_iu_route_rule
  ), decided AS MATERIALIZED (          -- as v_iu_route_decision decides
    SELECT e.id AS event_id, coalesce(r.route_id, 0) AS route_id, r.target_kind, r.target_ref, coalesce(f.fault, r.skip_code) AS failure_code,
           CASE WHEN f.fault IS NULL THEN r.decision ELSE 'failed' END AS decision,
           CASE f.fault WHEN 'payload_schema' THEN array_to_string(fn_iu_payload_problems(e.payload, r.payload_schema), '; ')
                        WHEN 'unknown_event_type' THEN 'the type is not registered' END AS failure_detail
    FROM page AS e
    LEFT JOIN rule AS r ON r.event_type = e.event_type
    CROSS JOIN LATERAL (
      SELECT CASE WHEN r.event_type IS NULL THEN 'unknown_event_type'
                  WHEN r.payload_predicate IS NOT NULL AND (e.payload @@ r.payload_predicate) IS NOT TRUE THEN 'payload_schema' END AS fault
      OFFSET 0
    ) AS f
    -- Read once more after a join or a reset: what was decided before is not decided for a route that was registered since.
    WHERE CASE WHEN e.id <= p_cursor.reread_id THEN (SELECT true FROM iu_route_attempt AS a WHERE a.event_id = e.id LIMIT 1) IS NULL
               -- A delivery cannot be taken back by a conflict: on a live route one looks first.
               ELSE NOT p_is_reread AND r.decision IS DISTINCT FROM 'live'
                 OR NOT EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = e.id AND a.route_id = coalesce(r.route_id, 0) AND a.attempt_no = 1 LIMIT 1) END
  ), attempted AS (
    INSERT INTO iu_route_attempt (event_id, route_id, attempt_no, status, failure_code, failure_detail, target_kind, target_ref, worker_code, created_at)
    SELECT event_id, route_id, 1, decision, failure_code, failure_detail, target_kind, target_ref, p_cursor.worker_code, decided_at
    -- In the order of the key: each row goes into the index beside the last one.
    FROM decided WHERE decision <> 'live' ORDER BY event_id, route_id
  ), dead AS (
    INSERT INTO iu_route_dead_letter (event_id, route_id, attempt_no, failure_code, failure_detail, event_domain, event_type,
                                      event_subject_table, event_subject_ref, payload, actor, event_created_at)
    SELECT e.id, d.route_id, 1, d.failure_code, d.failure_detail, e.event_domain, e.event_type,
           e.event_subject_table, e.event_subject_ref, e.payload, e.actor, e.created_at
    FROM decided AS d
    CROSS JOIN LATERAL (SELECT * FROM event_outbox AS o WHERE o.id = d.event_id LIMIT 1) AS e
    WHERE d.decision = 'failed' ORDER BY e.id, d.route_id
    ON CONFLICT DO NOTHING
    RETURNING 1
  )
  SELECT p.seen, p.last_id, a.route_ids, a.statuses, a.counts, (SELECT count(*) FROM dead), l.events, l.routes
  INTO seen, last_id, route_ids, statuses, counts, dead_lettered, live_events, live_routes
  FROM (SELECT count(*) AS seen, max(id) AS last_id FROM page) AS p
  CROSS JOIN (SELECT coalesce(array_agg(route_id), '{}') AS route_ids, coalesce(array_agg(decision), '{}') AS statuses, coalesce(array_agg(n), '{}') AS counts
              FROM (SELECT route_id, decision, count(*)::integer AS n FROM decided WHERE decision <> 'live' GROUP BY route_id, decision) AS counted) AS a
  CROSS JOIN (SELECT coalesce(array_agg(event_id ORDER BY event_id, route_id), '{}') AS events, coalesce(array_agg(route_id ORDER BY event_id, route_id), '{}') AS routes
              FROM decided WHERE decision = 'live') AS l;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_page(iu_core.iu_route_worker_cursor, xid8, integer, boolean) IS 'Routes one page of the window that the cursor describes; live routes are returned, not attempted. p_own is the caller''s own transaction where it has written, so that it may read its own events. Raises unique_violation where an event was attempted before, unless p_is_reread: then what was is left as it is';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_page(iu_core.iu_route_worker_cursor, xid8, integer, boolean) FROM PUBLIC;

-- requires: fn_iu_route_page
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_worker_run(p_worker_code text, p_batch_size integer DEFAULT 1000)
RETURNS TABLE (status text, seen integer, attempts_written integer, skipped integer, dead_lettered integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_started constant timestamptz := clock_timestamp();
  v_own constant xid8 := pg_current_xact_id_if_assigned();
  v_lock integer;
  v_floor bigint;
  v_newest xid8;                   -- whatever began after it draws its event ids above v_floor
  v_now pg_snapshot;
  v_cursor iu_route_worker_cursor;
  v_own_read xid8;
  v_page record;
  v_status text;
  v_rebased boolean;
  v_is_newest boolean := false;    -- the window ends at v_now: an empty page means that nothing waits
BEGIN
  status := 'idle'; seen := 0; attempts_written := 0; skipped := 0; dead_lettered := 0;
  IF p_batch_size IS NULL OR p_batch_size NOT BETWEEN 1 AND 100000 THEN
    RAISE EXCEPTION 'batch_size: % is not between 1 and 100000', coalesce(p_batch_size::text, 'null') USING ERRCODE = 'IU002', COLUMN = 'batch_size';
  END IF;
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'a pass needs READ COMMITTED, not %', upper(current_setting('transaction_isolation'))
      USING ERRCODE = 'IU011', HINT = 'Its snapshot must be taken after its lock.';
  END IF;
  SELECT c.lock_no INTO v_lock FROM iu_route_worker_cursor AS c WHERE c.worker_code = p_worker_code;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'worker_code: % has no cursor', coalesce(p_worker_code, 'null') USING ERRCODE = 'IU003', COLUMN = 'worker_code';
  END IF;
  IF NOT fn_iu_gate_is_open('iu_core.route_worker_enabled') THEN
    status := 'worker_gate_closed'; RETURN NEXT; RETURN;
  ELSIF NOT fn_iu_gate_is_open('iu_core.routes_master_enabled') THEN
    status := 'master_gate_closed'; RETURN NEXT; RETURN;
  END IF;
  -- An advisory lock, not a row lock: an empty pass must not even draw a transaction id.
  IF NOT pg_try_advisory_xact_lock(hashtext('iu_core.iu_route_worker_cursor'), v_lock) THEN
    status := 'busy'; RETURN NEXT; RETURN;
  END IF;

  -- Statements whose order matters: the floor first, then the newest transaction (what is newer draws
  -- its event ids above the floor), then the snapshot (what is not newer and not running is finished in
  -- it); the cursor after the lock. A pass that has no id yet is given one by what it writes, and is then
  -- the newest itself; an empty pass must not have one.
  v_floor := coalesce(pg_sequence_last_value('iu_core.event_outbox_id_seq'), 0);
  IF v_own IS NOT NULL THEN
    v_newest := fn_iu_newest_xid(v_own);
  END IF;
  v_now := pg_current_snapshot();
  SELECT * INTO v_cursor FROM iu_route_worker_cursor AS c WHERE c.worker_code = p_worker_code AND c.lock_no = v_lock;
  IF NOT FOUND THEN
    status := 'busy'; RETURN NEXT; RETURN;        -- joined meanwhile, and perhaps split anew: the lock is not the cursor's
  END IF;
  -- By the lower end: the upper one of a fenced snapshot may lie ahead of the present one in peace.
  v_rebased := (v_cursor.system_identifier IS DISTINCT FROM fn_iu_system_identifier() OR pg_snapshot_xmin(v_cursor.snap_from) > pg_snapshot_xmax(v_now))
               AND EXISTS (SELECT FROM event_outbox);
  IF v_rebased THEN
    -- Trusted rows are told apart by this list alone, so it must be whole before the first page.
    v_newest := coalesce(v_newest, pg_current_xact_id());
  END IF;
  IF v_newest IS NOT NULL THEN
    v_now := fn_iu_snapshot_fenced(v_now, coalesce(v_own, v_newest), v_newest);
  END IF;

  IF v_rebased THEN
    -- The stored snapshots are another cluster's (or the cursor was reset): read everything once
    -- more, whatever transaction ids the rows carry. What is decided stays decided.
    v_cursor.system_identifier := fn_iu_system_identifier();
    v_cursor.snap_from := '1:1:'; v_cursor.floor_id := 0;
    v_cursor.snap_to := v_now; v_cursor.floor_to_id := v_floor; v_cursor.trusted_id := v_floor; v_cursor.last_id := 0;
    -- Before anything was attempted nothing is read once more, and nothing need be looked up.
    v_cursor.reread_id := CASE WHEN EXISTS (SELECT FROM iu_route_attempt) THEN v_floor ELSE 0 END;
    v_cursor.own_xid := NULL; v_cursor.own_last_id := 0;
    v_is_newest := true;
  END IF;

  LOOP
    IF v_cursor.snap_to IS NULL THEN
      v_cursor.snap_to := v_now; v_cursor.floor_to_id := v_floor; v_cursor.trusted_id := 0; v_cursor.last_id := 0;
      v_is_newest := true;
    END IF;
    -- Own events only in a window that ends now: an older one may lack what their subject had before.
    v_own_read := CASE WHEN v_is_newest THEN v_own END;
    BEGIN
      v_page := fn_iu_route_page(v_cursor, v_own_read, p_batch_size, false);
    EXCEPTION WHEN unique_violation THEN
      -- Only after a reset, a restore or a join: to look before each insert would slow down every page.
      v_page := fn_iu_route_page(v_cursor, v_own_read, p_batch_size, true);
    END;
    EXIT WHEN v_page.seen > 0 OR v_is_newest;
    -- A window that ended on a full page: nothing is left in it, open the next.
    v_cursor.snap_from := v_cursor.snap_to; v_cursor.floor_id := v_cursor.floor_to_id; v_cursor.snap_to := NULL;
  END LOOP;
  IF v_page.seen = 0 AND NOT v_rebased THEN
    RETURN NEXT; RETURN;
  END IF;
  IF v_newest IS NULL AND v_is_newest THEN
    v_cursor.snap_to := fn_iu_snapshot_fenced(v_now, pg_current_xact_id(), pg_current_xact_id());
  END IF;

  seen := v_page.seen;
  dead_lettered := v_page.dead_lettered;
  FOR i IN 1 .. cardinality(v_page.live_events) LOOP
    v_status := fn_iu_route_attempt_one(p_worker_code, v_page.live_events[i], v_page.live_routes[i], 1);
    attempts_written := attempts_written + CASE WHEN v_status IS NULL THEN 0 ELSE 1 END;
    dead_lettered := dead_lettered + CASE WHEN v_status = 'failed' THEN 1 ELSE 0 END;
  END LOOP;
  FOR i IN 1 .. cardinality(v_page.counts) LOOP
    attempts_written := attempts_written + v_page.counts[i];
    skipped := skipped + CASE v_page.statuses[i] WHEN 'skipped' THEN v_page.counts[i] ELSE 0 END;
  END LOOP;
  IF cardinality(v_page.counts) > 0 THEN
    PERFORM fn_iu_route_rollup_add(p_worker_code, v_page.decided_at, v_page.route_ids, v_page.statuses, v_page.counts);
  END IF;

  IF v_page.seen < p_batch_size THEN
    v_cursor.snap_from := v_cursor.snap_to; v_cursor.floor_id := v_cursor.floor_to_id;
    v_cursor.snap_to := NULL; v_cursor.trusted_id := 0; v_cursor.last_id := 0;
  ELSE
    v_cursor.last_id := v_page.last_id;
  END IF;
  IF v_own IS NOT NULL AND v_is_newest THEN
    v_cursor.own_last_id := greatest(CASE WHEN v_cursor.own_xid = v_own THEN v_cursor.own_last_id ELSE 0 END, v_page.last_id);
    v_cursor.own_xid := v_own;
  END IF;
  UPDATE iu_route_worker_cursor AS c
  SET system_identifier = v_cursor.system_identifier, snap_from = v_cursor.snap_from, floor_id = v_cursor.floor_id,
      snap_to = v_cursor.snap_to, floor_to_id = v_cursor.floor_to_id, trusted_id = v_cursor.trusted_id, last_id = v_cursor.last_id,
      own_xid = v_cursor.own_xid, own_last_id = v_cursor.own_last_id, reread_id = v_cursor.reread_id,
      events_seen = c.events_seen + v_page.seen, last_pass_at = clock_timestamp(), last_pass_seen = v_page.seen
  WHERE c.worker_code = p_worker_code;
  IF seen = 0 THEN
    RETURN NEXT; RETURN;
  END IF;
  INSERT INTO iu_route_worker_run (worker_code, started_at, seen, attempts_written, skipped, dead_lettered, run_by)
  VALUES (p_worker_code, v_started, seen, attempts_written, skipped, dead_lettered, fn_iu_actor());
  status := 'routed';
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_worker_run(text, integer) IS 'One pass: gates, claim, next events, one attempt per event and route, dead letters, cursor; all in the caller''s transaction, which must be READ COMMITTED. status: routed, idle (nothing to route, nothing written), busy, worker_gate_closed, master_gate_closed. IU002 bad batch size, IU003 unknown worker, IU011 wrong isolation level';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_worker_run(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_route_worker_run(text, integer) TO iu_worker;

-- requires: fn_iu_cursor_lock
-- Both parts go on from where the whole was: the window is copied as it is, whatever page it is on.
CREATE FUNCTION iu_core.fn_iu_cursor_split(p_worker_code text, p_bucket integer, p_new_worker_code text, p_new_part text DEFAULT 'upper')
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_cursor iu_route_worker_cursor;
  v_is_upper constant boolean := p_new_part = 'upper';
BEGIN
  PERFORM fn_iu_cursor_lock(p_worker_code);
  SELECT * INTO STRICT v_cursor FROM iu_route_worker_cursor WHERE worker_code = p_worker_code;
  IF v_cursor.bucket_from = v_cursor.bucket_to THEN
    RAISE EXCEPTION 'worker_code: % has one bucket only', p_worker_code USING ERRCODE = 'IU002', COLUMN = 'worker_code', HINT = 'A bucket is not divided: subjects hash to it.';
  ELSIF p_bucket IS NULL OR p_bucket <= v_cursor.bucket_from OR p_bucket > v_cursor.bucket_to THEN
    RAISE EXCEPTION 'bucket: % does not divide the buckets % to %', coalesce(p_bucket::text, 'null'), v_cursor.bucket_from, v_cursor.bucket_to
      USING ERRCODE = 'IU002', COLUMN = 'bucket', HINT = format('The upper part begins at a bucket from %s to %s.', v_cursor.bucket_from + 1, v_cursor.bucket_to);
  ELSIF p_new_worker_code IS NULL OR p_new_worker_code !~ '^[a-z0-9_]+$' OR octet_length(p_new_worker_code) > 63 OR p_new_worker_code = 'replay' THEN
    RAISE EXCEPTION 'new_worker: "%" is no code of a worker', left(coalesce(p_new_worker_code, 'null'), 80)
      USING ERRCODE = 'IU002', COLUMN = 'new_worker', HINT = 'Use a-z 0-9 _, at most 63; replays are counted as replay.';
  ELSIF EXISTS (SELECT FROM iu_route_worker_cursor WHERE worker_code = p_new_worker_code) THEN
    RAISE EXCEPTION 'new_worker: % has a cursor already', p_new_worker_code USING ERRCODE = 'IU004', COLUMN = 'new_worker';
  END IF;
  UPDATE iu_route_worker_cursor
  SET bucket_from = CASE WHEN v_is_upper THEN bucket_from ELSE p_bucket END, bucket_to = CASE WHEN v_is_upper THEN p_bucket - 1 ELSE bucket_to END
  WHERE worker_code = p_worker_code;
  INSERT INTO iu_route_worker_cursor (worker_code, bucket_from, bucket_to, system_identifier, snap_from, floor_id, snap_to, floor_to_id, trusted_id, last_id, own_xid, own_last_id, reread_id)
  VALUES (p_new_worker_code, CASE WHEN v_is_upper THEN p_bucket ELSE v_cursor.bucket_from END, CASE WHEN v_is_upper THEN v_cursor.bucket_to ELSE p_bucket - 1 END,
          v_cursor.system_identifier, v_cursor.snap_from, v_cursor.floor_id, v_cursor.snap_to, v_cursor.floor_to_id, v_cursor.trusted_id, v_cursor.last_id,
          v_cursor.own_xid, v_cursor.own_last_id, v_cursor.reread_id);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_cursor_split(text, integer, text, text) IS 'Gives a part of a worker''s buckets, the upper (from p_bucket) or the lower, to a new worker that goes on from the same place. IU002 it cannot be divided so, IU003 unknown worker, IU004 the new one exists';
REVOKE ALL ON FUNCTION iu_core.fn_iu_cursor_split(text, integer, text, text) FROM PUBLIC;

-- requires: fn_dot_cursor_object, fn_iu_cursor_split, iu_core
CREATE FUNCTION iu_core.dot_iu_split_cursor(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_worker constant text := p_params ->> 'worker';
  v_new constant text := p_params ->> 'new_worker';
  v_before jsonb;
BEGIN
  PERFORM fn_iu_cursor_lock(v_worker);
  v_before := fn_dot_cursor_object(v_worker);
  PERFORM fn_iu_cursor_split(v_worker, (p_params ->> 'bucket')::integer, v_new, coalesce(p_params ->> 'new_part', 'upper'));
  RETURN jsonb_build_object(
    'state', v_before,
    'objects', jsonb_build_array(
      jsonb_build_object('ref', 'cursor:' || v_worker, 'change', 'update', 'before', v_before, 'after', fn_dot_cursor_object(v_worker)),
      jsonb_build_object('ref', 'cursor:' || v_new, 'change', 'create', 'after', fn_dot_cursor_object(v_new))),
    'refs', jsonb_build_array('worker:' || v_worker, 'worker:' || v_new),
    'result', jsonb_build_object('workers', jsonb_build_object(v_worker, fn_dot_cursor_object(v_worker), v_new, fn_dot_cursor_object(v_new))),
    'notes', jsonb_build_array('A process that serves one worker by name does not serve the new one; the schedule and a plain iu worker serve every one.'),
    'checks', jsonb_build_array(
      jsonb_build_object('name', 'worker_has_its_part', 'kind', 'cursor', 'worker', v_worker) || fn_dot_cursor_object(v_worker),
      jsonb_build_object('name', 'new_worker_has_the_rest', 'kind', 'cursor', 'worker', v_new) || fn_dot_cursor_object(v_new)),
    'inverse', jsonb_build_object('command', 'dot_iu_join_cursors', 'params', jsonb_build_object('worker', v_worker, 'joined', v_new)));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_split_cursor(jsonb, jsonb) IS 'Gives a part of a worker''s buckets to a new worker, while both go on';
REVOKE ALL ON FUNCTION iu_core.dot_iu_split_cursor(jsonb, jsonb) FROM PUBLIC;

-- requires: event_outbox, fn_dot_cursor_object, fn_iu_probe_left, information_unit, iu_account, iu_api_token, iu_collection, iu_collection_checkpoint, iu_collection_piece, iu_core, iu_held_decision, iu_outbound_route, iu_relation, iu_route_attempt, iu_route_dead_letter, iu_route_worker_run, iu_unit_axis, unit_version, v_iu_worker_schedule
-- One place for every postcondition: a check is {name, kind, what it is about, what must hold}.
CREATE OR REPLACE FUNCTION iu_core.fn_dot_check(p_check jsonb)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  c constant jsonb := p_check;
  v_have jsonb;
  v_want jsonb;
BEGIN
  CASE c ->> 'kind'
    WHEN 'unit' THEN
      v_want := jsonb_strip_nulls(jsonb_build_object('status', c -> 'status', 'version', c -> 'version', 'sha256', c -> 'sha256'));
      SELECT jsonb_build_object('status', u.lifecycle_status, 'version', v.version_seq, 'sha256', encode(sha256(convert_to(v.body, 'UTF8')), 'hex')) INTO v_have
      FROM information_unit AS u JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq WHERE u.canonical_address = c ->> 'unit';
    WHEN 'unit_unused' THEN
      v_want := '{"standing_in": 0}';
      SELECT jsonb_build_object('standing_in', count(p.unit_id)) INTO v_have FROM information_unit AS u LEFT JOIN iu_collection_piece AS p ON p.unit_id = u.id WHERE u.canonical_address = c ->> 'unit';
    WHEN 'piece', 'piece_absent' THEN
      v_want := CASE c ->> 'kind' WHEN 'piece' THEN jsonb_build_object('at', c -> 'at') ELSE '{"at": null}' END;
      SELECT jsonb_build_object('at', (SELECT p.position::text FROM iu_collection_piece AS p WHERE p.collection_id = k.id AND p.unit_id = u.id)) INTO v_have
      FROM iu_collection AS k, information_unit AS u WHERE k.canonical_address = c ->> 'collection' AND u.canonical_address = c ->> 'unit';
    WHEN 'relation' THEN
      v_want := '{"related": true}';
      SELECT jsonb_build_object('related', count(*) = 1) INTO v_have
      FROM iu_relation AS r JOIN information_unit AS f ON f.id = r.from_unit_id JOIN information_unit AS t ON t.id = r.to_unit_id
      WHERE (f.canonical_address, r.relation_kind, t.canonical_address) = (c ->> 'from', c ->> 'relation', c ->> 'to');
    WHEN 'collection' THEN
      v_want := jsonb_build_object('pieces', c -> 'pieces', 'bytes', c -> 'bytes');
      SELECT jsonb_build_object('pieces', h.pieces, 'bytes', h.bytes) INTO v_have FROM v_iu_collection_health AS h WHERE h.canonical_address = c ->> 'collection';
    WHEN 'rendered' THEN
      v_want := jsonb_build_object('revision', c -> 'revision', 'kept', c -> 'sha256', 'rendered', c -> 'sha256');
      SELECT jsonb_build_object('revision', k.render_revision, 'kept', encode(k.render_digest, 'hex'),
        'rendered', CASE WHEN k.revision = (c ->> 'revision')::bigint THEN encode(sha256(convert_to(fn_iu_collection_render(k.id), 'UTF8')), 'hex') END) INTO v_have
      FROM iu_collection AS k WHERE k.canonical_address = c ->> 'collection';
    WHEN 'findings' THEN
      v_want := jsonb_build_object('revision', c -> 'revision', 'count', c -> 'count');
      SELECT jsonb_build_object('revision', k.revision, 'count', (SELECT count(*) FROM fn_iu_collection_findings(k.id))) INTO v_have FROM iu_collection AS k WHERE k.canonical_address = c ->> 'collection';
    WHEN 'checkpoint' THEN
      v_want := jsonb_build_object('manifest', c -> 'sha256', 'pieces_are_kept', true);
      SELECT jsonb_build_object('manifest', encode(sha256(convert_to(k.manifest_text, 'UTF8')), 'hex'),
        'pieces_are_kept', k.piece_count = (SELECT count(*) FROM iu_collection_checkpoint_piece AS p WHERE (p.collection_id, p.checkpoint_no) = (k.collection_id, k.checkpoint_no))) INTO v_have
      FROM iu_collection_checkpoint AS k JOIN iu_collection AS o ON o.id = k.collection_id WHERE o.canonical_address = c ->> 'collection' AND k.checkpoint_no = (c ->> 'checkpoint')::integer;
    WHEN 'axes' THEN
      v_want := '{"differing": 0}';
      SELECT jsonb_build_object('differing', count(*)) INTO v_have
      FROM (SELECT array_agg(u.id) AS ids FROM information_unit AS u
            WHERE u.canonical_address = c ->> 'piece' OR u.id IN (SELECT p.unit_id FROM iu_collection_piece AS p JOIN iu_collection AS k ON k.id = p.collection_id WHERE k.canonical_address = c ->> 'collection')) AS asked
      CROSS JOIN LATERAL (
        SELECT FROM fn_iu_axes_derive(asked.ids) AS d FULL JOIN (SELECT * FROM iu_unit_axis WHERE unit_id = ANY (asked.ids)) AS a ON (a.unit_id, a.axis) = (d.unit_id, d.axis)
        WHERE a.value IS DISTINCT FROM d.value) AS differing;
    WHEN 'gate' THEN
      v_want := jsonb_build_object('state', c -> 'state');
      v_have := jsonb_build_object('state', fn_iu_gate_state(c ->> 'gate'));
    WHEN 'route' THEN
      v_want := jsonb_build_object('enabled', c -> 'enabled');
      SELECT jsonb_build_object('enabled', enabled) INTO v_have FROM iu_outbound_route WHERE route_code = c ->> 'route';
    WHEN 'triggers' THEN
      v_want := jsonb_build_object('enabled', c -> 'enabled', 'triggers', 3);
      SELECT jsonb_build_object('enabled', (c -> 'enabled')::boolean AND bool_and(enabled) OR NOT (c -> 'enabled')::boolean AND bool_or(enabled), 'triggers', count(*)) INTO v_have FROM v_iu_emitting_trigger;
    WHEN 'dead_letter' THEN
      v_want := jsonb_build_object('status', c -> 'status');
      SELECT jsonb_build_object('status', status) INTO v_have FROM iu_route_dead_letter WHERE id = (c ->> 'dead_letter')::bigint;
    WHEN 'dead_letters' THEN
      v_want := jsonb_build_object('others', 0);
      SELECT jsonb_build_object('others', count(*) FILTER (WHERE status <> c ->> 'status')) INTO v_have FROM iu_route_dead_letter WHERE id IN (SELECT jsonb_array_elements_text(c -> 'ids')::bigint);
    WHEN 'attempt' THEN
      v_want := '{"attempts": 1}';
      SELECT jsonb_build_object('attempts', CASE WHEN fn_iu_event_archived((c ->> 'event')::bigint) THEN 1 ELSE count(*) END) INTO v_have FROM iu_route_attempt WHERE (event_id, route_id, attempt_no) = ((c ->> 'event')::bigint, (c ->> 'route')::integer, (c ->> 'attempt_no')::integer);
    WHEN 'worker_runs' THEN
      v_want := '{"on_record": true}';
      SELECT jsonb_build_object('on_record', count(*) >= (c ->> 'passes')::integer AND coalesce(sum(seen), 0) >= (c ->> 'seen')::integer) INTO v_have FROM iu_route_worker_run WHERE worker_code = c ->> 'worker' AND id > (c ->> 'after')::bigint;
    WHEN 'probe' THEN
      -- Of the run itself: it was taken back, and is nowhere to be found but here.
      v_want := CASE WHEN c ? 'actual' THEN c -> 'expected' ELSE '{"status": "passed"}' END;
      v_have := coalesce(c -> 'actual', jsonb_build_object('status', concat_ws(': ', c ->> 'status', c ->> 'detail')));
    WHEN 'probe_left' THEN
      v_want := '{"rows": 0}';
      SELECT jsonb_build_object('rows', sum(left_rows)) INTO v_have FROM fn_iu_probe_left(c -> 'drawn');
    WHEN 'cursor' THEN
      v_want := jsonb_build_object('bucket_from', c -> 'bucket_from', 'bucket_to', c -> 'bucket_to');
      v_have := coalesce(fn_dot_cursor_object(c ->> 'worker'), '{"bucket_from": null, "bucket_to": null}');
    WHEN 'schedule' THEN
      v_want := jsonb_strip_nulls(jsonb_build_object('enabled', c -> 'enabled', 'poll_ms', c -> 'poll_ms', 'batch_size', c -> 'batch_size'));
      SELECT jsonb_build_object('enabled', enabled, 'poll_ms', poll_ms, 'batch_size', batch_size) INTO v_have FROM v_iu_worker_schedule;
    WHEN 'held' THEN
      v_want := '{"others": 0}';
      SELECT jsonb_build_object('others', count(*) FILTER (WHERE NOT CASE c ->> 'account'
               WHEN 'released' THEN EXISTS (SELECT FROM event_outbox AS n WHERE n.released_from = i.id)
               ELSE EXISTS (SELECT FROM iu_held_decision AS h WHERE h.event_id = i.id) END)) INTO v_have
      FROM (SELECT jsonb_array_elements_text(c -> 'ids')::bigint AS id) AS i;
    WHEN 'archive' THEN
      v_want := jsonb_strip_nulls(jsonb_build_object('sha256', c -> 'sha256', 'removed', c -> 'removed', 'in_outbox', c -> 'in_outbox'));
      SELECT jsonb_build_object('sha256', a.content_digest, 'removed', a.is_removed,
        'in_outbox', (SELECT count(*) FROM event_outbox WHERE id BETWEEN a.first_id AND a.last_id) >= a.events) INTO v_have
      FROM v_iu_archive AS a WHERE a.archive_id = (c ->> 'archive')::bigint;
    WHEN 'event_type' THEN
      v_want := '{"registered": true}';
      v_have := jsonb_build_object('registered', EXISTS (SELECT FROM iu_event_type WHERE event_type = c ->> 'event_type'));
    WHEN 'account' THEN
      v_want := jsonb_build_object('status', c -> 'status', 'right', c -> 'right');
      SELECT jsonb_build_object('status', status, 'right', account_right) INTO v_have FROM iu_account WHERE account = c ->> 'account';
    WHEN 'token' THEN
      v_want := jsonb_build_object('live', c -> 'live');
      SELECT jsonb_build_object('live', revoked_at IS NULL AND expires_at > clock_timestamp()) INTO v_have FROM iu_api_token WHERE id = (c ->> 'token')::bigint;
  END CASE;
  RETURN (SELECT string_agg(format('%s: want %s, have %s', key, value, coalesce((v_have -> key)::text, 'nothing')), '; ') FROM jsonb_each(v_want) WHERE v_have -> key IS DISTINCT FROM value);
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_check(jsonb) IS 'What is wrong with a postcondition at present, in words; null when it holds';
REVOKE ALL ON FUNCTION iu_core.fn_dot_check(jsonb) FROM PUBLIC;

-- requires: iu_worker_process
CREATE FUNCTION iu_core.fn_iu_worker_beat(p_process_id uuid, p_kind text, p_worker_code text, p_host text, p_pid integer, p_status text, p_events_seen bigint)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  UPDATE iu_worker_process SET status = p_status, events_seen = p_events_seen, last_seen_at = clock_timestamp()
  WHERE process_id = p_process_id AND run_by = session_user;
  IF NOT FOUND THEN
    -- Who comes tidies up after those that did not end in order: a day is long enough to see that they died.
    DELETE FROM iu_worker_process WHERE last_seen_at < clock_timestamp() - interval '1 day';
    INSERT INTO iu_worker_process (process_id, kind, worker_code, host, pid, status, events_seen)
    VALUES (p_process_id, p_kind, p_worker_code, left(p_host, 255), p_pid, p_status, p_events_seen);
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_worker_beat(uuid, text, text, text, integer, text, bigint) IS 'Says that a process that runs passes is alive, and how its last pass ended; whoever is new removes rows that have been silent for a day';
REVOKE ALL ON FUNCTION iu_core.fn_iu_worker_beat(uuid, text, text, text, integer, text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_worker_beat(uuid, text, text, text, integer, text, bigint) TO iu_worker;

-- requires: iu_worker_process
CREATE FUNCTION iu_core.fn_iu_worker_leave(p_process_id uuid)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ DELETE FROM iu_worker_process WHERE process_id = p_process_id AND run_by = session_user $$;
COMMENT ON FUNCTION iu_core.fn_iu_worker_leave(uuid) IS 'Takes away the row of a process that ends in order';
REVOKE ALL ON FUNCTION iu_core.fn_iu_worker_leave(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_worker_leave(uuid) TO iu_worker;

-- requires: iu_route_worker_cursor, iu_worker_schedule
CREATE FUNCTION iu_core.fn_iu_worker_plan()
RETURNS TABLE (worker_codes text[], schedule_enabled boolean, poll_ms integer, batch_size integer)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT ARRAY(SELECT c.worker_code::text FROM iu_route_worker_cursor AS c ORDER BY c.bucket_from), coalesce(s.enabled, false), s.poll_ms, s.batch_size
  FROM (VALUES (1)) AS one(n) LEFT JOIN iu_worker_schedule AS s ON true
$$;
COMMENT ON FUNCTION iu_core.fn_iu_worker_plan() IS 'What a process that runs passes has to know: every worker that has a cursor, and the consoles'' schedule';
REVOKE ALL ON FUNCTION iu_core.fn_iu_worker_plan() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_worker_plan() TO iu_worker;

-- requires: iu_route_worker_run
CREATE VIEW iu_core.v_iu_route_worker_run AS
SELECT id AS pass_id, worker_code, started_at, finished_at, seen, attempts_written, skipped, dead_lettered, run_by FROM iu_core.iu_route_worker_run;
COMMENT ON VIEW iu_core.v_iu_route_worker_run IS 'Every pass that saw an event: what it saw and wrote, and who ran it';
GRANT SELECT ON iu_core.v_iu_route_worker_run TO iu_reader;

-- requires: iu_route_worker_cursor
CREATE VIEW iu_core.v_iu_worker_cursor AS
SELECT worker_code, bucket_from::integer AS bucket_from, bucket_to::integer AS bucket_to, events_seen, last_pass_at, last_pass_seen FROM iu_core.iu_route_worker_cursor;
COMMENT ON VIEW iu_core.v_iu_worker_cursor IS 'Workers, the buckets that each owns, and their last pass';
GRANT SELECT ON iu_core.v_iu_worker_cursor TO iu_reader;

-- requires: iu_worker_process
CREATE VIEW iu_core.v_iu_worker_process AS
SELECT process_id, kind, worker_code, host, pid, status, events_seen, run_by, started_at, last_seen_at,
       last_seen_at < clock_timestamp() - interval '20 seconds' AS is_stale
FROM iu_core.iu_worker_process;
COMMENT ON VIEW iu_core.v_iu_worker_process IS 'Processes that run passes; one that has been silent for twenty seconds is stale: it died, or cannot reach the database';
GRANT SELECT ON iu_core.v_iu_worker_process TO iu_reader;
