-- unit: schema

-- requires: iu_event_type
CREATE TABLE iu_core.iu_outbound_route (
  id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT iu_outbound_route_pkey PRIMARY KEY,
  route_code text COLLATE "C" NOT NULL CONSTRAINT iu_outbound_route_code_key UNIQUE,
  event_type text COLLATE "C" NOT NULL CONSTRAINT iu_outbound_route_event_type_fkey REFERENCES iu_core.iu_event_type (event_type),
  target_kind text COLLATE "C" NOT NULL,
  target_ref text NOT NULL,
  enabled boolean NOT NULL DEFAULT false,
  dry_run boolean NOT NULL DEFAULT true,
  definition_digest bytea NOT NULL,
  approval_digest bytea,
  registered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  registered_by text NOT NULL DEFAULT session_user,
  CONSTRAINT iu_outbound_route_id_chk CHECK (id > 0),
  CONSTRAINT iu_outbound_route_code_chk CHECK (route_code ~ '^[a-z0-9_]+([.][a-z0-9_]+)*$' AND octet_length(route_code) <= 128),
  CONSTRAINT iu_outbound_route_safe_chk CHECK (NOT enabled OR dry_run OR (approval_digest IS NOT NULL AND approval_digest = definition_digest))
);
CREATE INDEX iu_outbound_route_event_type_idx ON iu_core.iu_outbound_route (event_type);
COMMENT ON TABLE iu_core.iu_outbound_route IS 'What to do with the events of one type';
COMMENT ON COLUMN iu_core.iu_outbound_route.dry_run IS 'true: the decision is written down and nothing is delivered';
COMMENT ON COLUMN iu_core.iu_outbound_route.definition_digest IS 'SHA-256 over code, event type and target: what an approval approves';
COMMENT ON CONSTRAINT iu_outbound_route_safe_chk ON iu_core.iu_outbound_route IS 'A live route needs an approval of exactly this definition';

-- The primary key is the only index and there are no foreign keys: both would cost the worker a
-- multiple of its work. Integrity is a verify query; idempotency_key is derived in the view.
CREATE TABLE iu_core.iu_route_attempt (
  event_id bigint NOT NULL,
  route_id integer NOT NULL,
  attempt_no integer NOT NULL DEFAULT 1,
  status text COLLATE "C" NOT NULL,
  failure_code text COLLATE "C",
  failure_detail text,
  target_kind text COLLATE "C",
  target_ref text,
  worker_code text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT iu_route_attempt_pkey PRIMARY KEY (event_id, route_id, attempt_no),
  CONSTRAINT iu_route_attempt_status_chk CHECK (status IN ('dry_run', 'sent', 'failed', 'skipped')),
  CONSTRAINT iu_route_attempt_failure_chk CHECK ((status IN ('failed', 'skipped')) = (failure_code IS NOT NULL))
);
COMMENT ON TABLE iu_core.iu_route_attempt IS 'One audited decision of the worker on one event for one route; append-only';
COMMENT ON COLUMN iu_core.iu_route_attempt.route_id IS '0 = no route wanted the event';
COMMENT ON COLUMN iu_core.iu_route_attempt.failure_code IS 'why it failed or was skipped: payload_schema, unknown_event_type, worker_process_error, no_route, route_disabled';

CREATE TABLE iu_core.iu_route_attempt_rollup (
  worker_code text COLLATE "C" NOT NULL,
  span_start timestamptz NOT NULL,
  route_id integer NOT NULL,
  status text COLLATE "C" NOT NULL,
  attempts bigint NOT NULL,
  last_attempt_at timestamptz NOT NULL,
  CONSTRAINT iu_route_attempt_rollup_pkey PRIMARY KEY (worker_code, span_start, route_id, status)
) WITH (fillfactor = 50);
COMMENT ON TABLE iu_core.iu_route_attempt_rollup IS 'Attempts counted by hour and over all time, kept in the transaction that writes them; per worker, so that two never meet on a row';
COMMENT ON COLUMN iu_core.iu_route_attempt_rollup.span_start IS 'the hour (UTC); -infinity = all time';

CREATE TABLE iu_core.iu_route_dead_letter (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT iu_route_dead_letter_pkey PRIMARY KEY,
  event_id bigint NOT NULL,
  route_id integer NOT NULL,
  attempt_no integer NOT NULL,
  failure_code text COLLATE "C" NOT NULL,
  failure_detail text NOT NULL,
  event_domain text COLLATE "C" NOT NULL,
  event_type text COLLATE "C" NOT NULL,
  event_subject_table text COLLATE "C" NOT NULL,
  event_subject_ref text COLLATE "C" NOT NULL,
  payload jsonb NOT NULL,
  actor text NOT NULL,
  event_created_at timestamptz NOT NULL,
  status text COLLATE "C" NOT NULL DEFAULT 'open',
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  resolved_at timestamptz,
  resolved_by text,
  resolved_attempt_no integer,
  CONSTRAINT iu_route_dead_letter_status_chk CHECK (status IN ('open', 'replayed', 'discarded')),
  CONSTRAINT iu_route_dead_letter_resolved_chk CHECK ((status = 'open') = (resolved_at IS NULL))
);
CREATE UNIQUE INDEX iu_route_dead_letter_open_idx ON iu_core.iu_route_dead_letter (event_id, route_id) WHERE status = 'open';
CREATE INDEX iu_route_dead_letter_open_id_idx ON iu_core.iu_route_dead_letter (id) WHERE status = 'open';
COMMENT ON TABLE iu_core.iu_route_dead_letter IS 'A snapshot of an event whose attempt failed, open until replayed or discarded';
COMMENT ON COLUMN iu_core.iu_route_dead_letter.attempt_no IS 'the latest attempt that failed';
COMMENT ON COLUMN iu_core.iu_route_dead_letter.resolved_attempt_no IS 'the attempt that a replay succeeded with';

-- A snapshot window, as PgQ has it. Everything visible in snap_from is done. A window is the rows
-- that became visible between snap_from and snap_to, paged by id. Both are stored fenced.
CREATE TABLE iu_core.iu_route_worker_cursor (
  worker_code text COLLATE "C" CONSTRAINT iu_route_worker_cursor_pkey PRIMARY KEY,
  lock_no integer GENERATED ALWAYS AS IDENTITY CONSTRAINT iu_route_worker_cursor_lock_key UNIQUE,
  bucket_from smallint NOT NULL,
  bucket_to smallint NOT NULL,
  system_identifier bigint,
  snap_from pg_snapshot NOT NULL DEFAULT '1:1:',
  floor_id bigint NOT NULL DEFAULT 0,
  snap_to pg_snapshot,
  floor_to_id bigint NOT NULL DEFAULT 0,
  trusted_id bigint NOT NULL DEFAULT 0,
  last_id bigint NOT NULL DEFAULT 0,
  own_xid xid8,
  own_last_id bigint NOT NULL DEFAULT 0,
  events_seen bigint NOT NULL DEFAULT 0,
  last_pass_at timestamptz,
  last_pass_seen integer,
  CONSTRAINT iu_route_worker_cursor_code_chk CHECK (worker_code ~ '^[a-z0-9_]+$' AND octet_length(worker_code) <= 63),
  CONSTRAINT iu_route_worker_cursor_buckets_chk CHECK (bucket_from BETWEEN 0 AND bucket_to AND bucket_to <= 15),
  CONSTRAINT iu_route_worker_cursor_apart_excl EXCLUDE USING gist (int4range(bucket_from, bucket_to, '[]') WITH &&)
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);
COMMENT ON TABLE iu_core.iu_route_worker_cursor IS 'How far each worker is; each owns a range of buckets that no other has';
COMMENT ON COLUMN iu_core.iu_route_worker_cursor.lock_no IS 'second half of the advisory lock that a pass holds';
COMMENT ON COLUMN iu_core.iu_route_worker_cursor.system_identifier IS 'the cluster that the snapshots belong to; another (or null) makes the next pass read everything once more';
COMMENT ON COLUMN iu_core.iu_route_worker_cursor.floor_id IS 'rows of transactions that snap_from does not know have ids above it';
COMMENT ON COLUMN iu_core.iu_route_worker_cursor.snap_to IS 'the end of the window being paged; null between windows';
COMMENT ON COLUMN iu_core.iu_route_worker_cursor.floor_to_id IS 'floor_id of the next window';
COMMENT ON COLUMN iu_core.iu_route_worker_cursor.trusted_id IS 'rows up to here are taken whatever their transaction id: it may be another cluster''s';
COMMENT ON COLUMN iu_core.iu_route_worker_cursor.last_id IS 'the page''s end inside the window';
COMMENT ON COLUMN iu_core.iu_route_worker_cursor.own_xid IS 'the writing transaction that ran a pass over its own events';
COMMENT ON COLUMN iu_core.iu_route_worker_cursor.own_last_id IS 'how far that transaction''s own events are routed';

CREATE TABLE iu_core.iu_route_worker_run (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT iu_route_worker_run_pkey PRIMARY KEY,
  worker_code text COLLATE "C" NOT NULL,
  started_at timestamptz NOT NULL,
  finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  seen integer NOT NULL,
  attempts_written integer NOT NULL,
  skipped integer NOT NULL,
  dead_lettered integer NOT NULL,
  run_by text NOT NULL DEFAULT session_user
);
COMMENT ON TABLE iu_core.iu_route_worker_run IS 'Every pass that saw an event: what it saw and wrote';

-- requires: iu_route_worker_cursor
CREATE FUNCTION iu_core.fn_iu_cursor_declare(p_worker_code text, p_bucket_from integer, p_bucket_to integer)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  INSERT INTO iu_route_worker_cursor (worker_code, bucket_from, bucket_to) VALUES (p_worker_code, p_bucket_from, p_bucket_to)
  ON CONFLICT (worker_code) DO NOTHING
$$;
COMMENT ON FUNCTION iu_core.fn_iu_cursor_declare(text, integer, integer) IS 'Makes a worker''s cursor over a range of buckets; one that exists stays as it is';
REVOKE ALL ON FUNCTION iu_core.fn_iu_cursor_declare(text, integer, integer) FROM PUBLIC;

-- requires: iu_route_worker_cursor
CREATE FUNCTION iu_core.fn_iu_cursor_reset(p_worker_code text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  -- Under the lock of a pass, or one under way would write its own position over this.
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.iu_route_worker_cursor'), lock_no) FROM iu_route_worker_cursor WHERE worker_code = p_worker_code;
  -- Without a system identifier the next pass opens a window over everything, as after a restore.
  UPDATE iu_route_worker_cursor SET system_identifier = NULL WHERE worker_code = p_worker_code;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'worker_code: % has no cursor', p_worker_code USING ERRCODE = 'IU003', COLUMN = 'worker_code';
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_cursor_reset(text) IS 'Makes a worker read every event once more; what has been decided is not decided again. IU003 unknown worker';
REVOKE ALL ON FUNCTION iu_core.fn_iu_cursor_reset(text) FROM PUBLIC;

-- requires: iu_route_worker_cursor
CREATE FUNCTION iu_core.fn_iu_cursor_retract(p_worker_code text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  IF EXISTS (SELECT FROM iu_route_worker_cursor WHERE worker_code = p_worker_code AND events_seen > 0) THEN
    RAISE EXCEPTION 'worker % has routed events', p_worker_code USING ERRCODE = 'IU010', HINT = 'A cursor with history stays.';
  END IF;
  DELETE FROM iu_route_worker_cursor WHERE worker_code = p_worker_code;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_cursor_retract(text) IS 'Removes a cursor, the rollback of its declaration; refuses (IU010) once it has routed events';
REVOKE ALL ON FUNCTION iu_core.fn_iu_cursor_retract(text) FROM PUBLIC;

CREATE FUNCTION iu_core.fn_iu_system_identifier()
RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT system_identifier FROM pg_control_system() $$;
COMMENT ON FUNCTION iu_core.fn_iu_system_identifier() IS 'The cluster that this database runs in; transaction ids of another mean nothing here';
REVOKE ALL ON FUNCTION iu_core.fn_iu_system_identifier() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_system_identifier() TO iu_reader;

-- requires: event_outbox, iu_route_worker_cursor, fn_iu_system_identifier
-- A view and not a function: it is read for every event that waits.
CREATE VIEW iu_core.v_iu_event_claim AS
SELECT e.id AS event_id, e.xid, e.event_domain, e.event_type, e.created_at, c.worker_code,
       CASE
         WHEN NOT s.is_known THEN false
         WHEN pg_visible_in_snapshot(e.xid, c.snap_from) THEN true
         WHEN e.xid >= pg_snapshot_xmax(c.snap_from) AND e.id <= c.floor_id THEN true  -- no window looks below its floor
         WHEN e.xid = c.own_xid AND e.id <= c.own_last_id THEN true
         WHEN c.snap_to IS NULL OR e.id > c.last_id THEN false
         WHEN e.id <= c.trusted_id THEN e.xid NOT IN (SELECT pg_snapshot_xip(c.snap_to))
         ELSE pg_visible_in_snapshot(e.xid, c.snap_to)
       END AS is_passed
FROM iu_core.iu_route_worker_cursor AS c
CROSS JOIN LATERAL (
  SELECT c.system_identifier IS NOT DISTINCT FROM iu_core.fn_iu_system_identifier()
     AND pg_snapshot_xmin(c.snap_from) <= pg_snapshot_xmax(pg_current_snapshot()) AS is_known
  OFFSET 0                            -- once a cursor, not once an event
) AS s
JOIN iu_core.event_outbox AS e ON e.bucket BETWEEN c.bucket_from AND c.bucket_to AND e.delivery_lane <> 'held';
COMMENT ON VIEW iu_core.v_iu_event_claim IS 'For every event that is not held: the worker whose it is, and whether that worker claims to be done with it. Accounting holds the claim against the attempts';

-- requires: iu_route_worker_cursor, v_iu_event_claim
CREATE FUNCTION iu_core.fn_iu_event_pending(p_limit integer)
RETURNS TABLE (worker_code text, event_id bigint, event_domain text, event_type text, created_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH s AS (SELECT fn_iu_system_identifier() AS system_identifier)
  SELECT c.worker_code, p.event_id, p.event_domain, p.event_type, p.created_at
  FROM iu_route_worker_cursor AS c
  CROSS JOIN s
  CROSS JOIN LATERAL (
    -- Up to here only transactions that a stored snapshot lists as running can have left anything.
    -- A cursor that is not of this cluster has passed nothing: its floor does not count.
    SELECT CASE WHEN c.system_identifier IS DISTINCT FROM s.system_identifier OR pg_snapshot_xmin(c.snap_from) > pg_snapshot_xmax(pg_current_snapshot()) THEN 0
                WHEN c.snap_to IS NULL THEN c.floor_id
                ELSE greatest(c.floor_id, least(c.last_id, c.floor_to_id)) END AS floor_id
  ) AS f
  CROSS JOIN LATERAL (
    SELECT e.event_id, e.event_domain, e.event_type, e.created_at FROM v_iu_event_claim AS e
    WHERE e.worker_code = c.worker_code AND e.event_id > f.floor_id AND NOT e.is_passed
      AND NOT EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = e.event_id)
    UNION ALL
    SELECT e.event_id, e.event_domain, e.event_type, e.created_at
    FROM (SELECT pg_snapshot_xip(c.snap_from) UNION SELECT pg_snapshot_xip(c.snap_to)) AS running(x)
    JOIN v_iu_event_claim AS e ON e.worker_code = c.worker_code AND e.xid = x
    WHERE e.event_id <= f.floor_id AND NOT e.is_passed
      AND NOT EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = e.event_id)
    LIMIT p_limit
  ) AS p
$$;
COMMENT ON FUNCTION iu_core.fn_iu_event_pending(integer) IS 'Up to p_limit events per worker that it has yet to route';
REVOKE ALL ON FUNCTION iu_core.fn_iu_event_pending(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_event_pending(integer) TO iu_reader;

-- For a caller that has an id of its own already. Its id says nothing of those that began later; but each
-- of them holds the lock on its id before it can draw an event id, and until it has finished.
CREATE FUNCTION iu_core.fn_iu_newest_xid(p_own xid8)
RETURNS xid8
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  -- Locks show the lower 32 bits; none that runs is 2^31 away.
  SELECT (p_own::text::numeric + coalesce(max(ahead) FILTER (WHERE ahead < 2147483648), 0))::text::xid8
  FROM (SELECT mod(transactionid::text::numeric - p_own::text::numeric % 4294967296 + 4294967296, 4294967296) AS ahead
        FROM pg_locks WHERE locktype = 'transactionid') AS running
$$;
COMMENT ON FUNCTION iu_core.fn_iu_newest_xid(xid8) IS 'The newest transaction that is running, the caller''s own at least';
REVOKE ALL ON FUNCTION iu_core.fn_iu_newest_xid(xid8) FROM PUBLIC;

-- requires: event_outbox, iu_event_type, iu_outbound_route, fn_iu_payload_problems
-- The one place that decides what becomes of an event on a route. A disabled route is asked first:
-- nothing is judged that nobody would deliver.
CREATE VIEW iu_core.v_iu_route_decision AS
SELECT e.id AS event_id, coalesce(r.id, 0) AS route_id, r.target_kind, r.target_ref, d.failure_code,
       CASE WHEN d.failure_code IN ('route_disabled', 'no_route') THEN 'skipped'
            WHEN d.failure_code IS NOT NULL THEN 'failed'
            WHEN r.dry_run THEN 'dry_run'
            ELSE 'live' END AS decision,
       CASE WHEN d.failure_code = 'payload_schema' THEN array_to_string(iu_core.fn_iu_payload_problems(e.payload, t.payload_schema), '; ')
            WHEN d.failure_code = 'unknown_event_type' THEN 'the type is not registered' END AS failure_detail
FROM iu_core.event_outbox AS e
LEFT JOIN iu_core.iu_event_type AS t ON t.event_type = e.event_type
LEFT JOIN iu_core.iu_outbound_route AS r ON r.event_type = e.event_type
CROSS JOIN LATERAL (
  SELECT CASE WHEN NOT r.enabled THEN 'route_disabled'
              WHEN t.event_type IS NULL THEN 'unknown_event_type'
              WHEN (e.payload @@ t.payload_predicate) IS NOT TRUE THEN 'payload_schema'
              WHEN r.id IS NULL THEN 'no_route' END AS failure_code
  OFFSET 0                            -- evaluated once, not once for each place that reads it
) AS d;
COMMENT ON VIEW iu_core.v_iu_route_decision IS 'What the worker would decide on each event for each of its routes, now: dry_run, live, failed or skipped, with the code';

-- requires: v_iu_route_decision
-- For attempts that can raise (live delivery) and for replays: one at a time, each in its own
-- subtransaction. The common path is fn_iu_route_page.
CREATE FUNCTION iu_core.fn_iu_route_attempt_one(p_worker_code text, p_event_id bigint, p_route_id integer, p_attempt_no integer)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_decision v_iu_route_decision;
BEGIN
  SELECT * INTO v_decision FROM v_iu_route_decision WHERE event_id = p_event_id AND route_id = p_route_id;
  IF NOT FOUND THEN
    -- The event found routes of its own since it was set aside as wanted by none.
    v_decision := ROW(p_event_id, p_route_id, NULL, NULL, 'no_route', 'skipped', NULL);
  ELSIF v_decision.decision = 'live' THEN
    BEGIN
      PERFORM fn_iu_route_deliver(p_event_id, p_route_id);
      v_decision.decision := 'sent';
    EXCEPTION
      WHEN serialization_failure OR deadlock_detected THEN
        RAISE;                                      -- the pass as a whole is retried, nothing failed
      WHEN OTHERS THEN
        v_decision.decision := 'failed';
        v_decision.failure_code := 'worker_process_error';
        v_decision.failure_detail := format('%s (%s)', SQLERRM, SQLSTATE);
    END;
  END IF;
  INSERT INTO iu_route_attempt (event_id, route_id, attempt_no, status, failure_code, failure_detail, target_kind, target_ref, worker_code)
  VALUES (p_event_id, p_route_id, p_attempt_no, v_decision.decision, v_decision.failure_code, v_decision.failure_detail,
          v_decision.target_kind, v_decision.target_ref, p_worker_code)
  ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  PERFORM fn_iu_route_rollup_add(p_worker_code, ARRAY[p_route_id], ARRAY[v_decision.decision]);
  IF v_decision.decision = 'failed' THEN
    INSERT INTO iu_route_dead_letter AS d (event_id, route_id, attempt_no, failure_code, failure_detail, event_domain, event_type,
                                           event_subject_table, event_subject_ref, payload, actor, event_created_at)
    SELECT e.id, p_route_id, p_attempt_no, v_decision.failure_code, v_decision.failure_detail, e.event_domain, e.event_type,
           e.event_subject_table, e.event_subject_ref, e.payload, e.actor, e.created_at
    FROM event_outbox AS e WHERE e.id = p_event_id
    ON CONFLICT (event_id, route_id) WHERE status = 'open'
    DO UPDATE SET attempt_no = excluded.attempt_no, failure_code = excluded.failure_code, failure_detail = excluded.failure_detail;
  END IF;
  RETURN v_decision.decision;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_attempt_one(text, bigint, integer, integer) IS 'Decides, attempts and writes down one event on one route; a failure is dead-lettered. Returns the status, or null when that attempt was already there';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_attempt_one(text, bigint, integer, integer) FROM PUBLIC;

CREATE FUNCTION iu_core.fn_iu_route_dead_letter_replay(p_dead_letter_id bigint)
RETURNS TABLE (status text, decision text, attempt_no integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  v_letter iu_route_dead_letter;
  v_attempt_no integer;
BEGIN
  IF NOT fn_iu_gate_is_open('iu_core.route_worker_enabled') THEN
    status := 'worker_gate_closed'; RETURN NEXT; RETURN;
  ELSIF NOT fn_iu_gate_is_open('iu_core.routes_master_enabled') THEN
    status := 'master_gate_closed'; RETURN NEXT; RETURN;
  END IF;
  SELECT * INTO v_letter FROM iu_route_dead_letter WHERE id = p_dead_letter_id FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'dead_letter: none has the id %', coalesce(p_dead_letter_id::text, 'null') USING ERRCODE = 'IU003', COLUMN = 'dead_letter_id';
  ELSIF v_letter.status <> 'open' THEN
    status := 'already_resolved'; attempt_no := v_letter.resolved_attempt_no; RETURN NEXT; RETURN;
  END IF;
  SELECT max(a.attempt_no) + 1 INTO v_attempt_no FROM iu_route_attempt AS a WHERE a.event_id = v_letter.event_id AND a.route_id = v_letter.route_id;
  decision := fn_iu_route_attempt_one('replay', v_letter.event_id, v_letter.route_id, v_attempt_no);
  attempt_no := v_attempt_no;
  IF decision IN ('dry_run', 'sent') THEN
    UPDATE iu_route_dead_letter
    SET status = 'replayed', resolved_at = clock_timestamp(), resolved_by = session_user, resolved_attempt_no = v_attempt_no
    WHERE id = p_dead_letter_id;
    status := 'replayed';
  ELSE
    status := 'failed_again';
  END IF;
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_dead_letter_replay(bigint) IS 'Attempts a dead letter once more under the next attempt number: replayed, failed_again (it stays open), already_resolved, or the closed gate. IU003 unknown id';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_dead_letter_replay(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_route_dead_letter_replay(bigint) TO iu_worker;

CREATE FUNCTION iu_core.fn_iu_route_deliver(p_event_id bigint, p_route_id integer)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION 'live delivery is not built: event %, route %', p_event_id, p_route_id USING ERRCODE = 'feature_not_supported';
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_deliver(bigint, integer) IS 'The seam where live delivery will stand; until then it raises feature_not_supported, so that it fails closed';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_deliver(bigint, integer) FROM PUBLIC;

-- requires: iu_route_worker_cursor
-- One page of a window, as one statement: read, decide, write attempts, dead-letter.
-- A generic plan always: a custom one is made anew on each pass and is no better.
CREATE FUNCTION iu_core.fn_iu_route_page(
  p_cursor iu_core.iu_route_worker_cursor, p_own xid8, p_batch_size integer,
  OUT seen integer, OUT last_id bigint, OUT route_ids integer[], OUT statuses text[], OUT dead_lettered integer, OUT live_events bigint[], OUT live_routes integer[])
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
BEGIN
  WITH page AS MATERIALIZED (
    SELECT id FROM (
      (SELECT late.id FROM unnest(v_late) AS l(x) CROSS JOIN LATERAL (
         SELECT e.id FROM event_outbox AS e
         WHERE e.xid = l.x AND e.delivery_lane <> 'held' AND e.bucket BETWEEN p_cursor.bucket_from AND p_cursor.bucket_to
           AND e.id > CASE WHEN l.x = p_cursor.own_xid THEN greatest(p_cursor.last_id, p_cursor.own_last_id) ELSE p_cursor.last_id END
         ORDER BY e.id LIMIT p_batch_size) AS late)
      UNION ALL
      (SELECT e.id FROM event_outbox AS e
       WHERE e.id > greatest(p_cursor.last_id, p_cursor.floor_id) AND e.xid >= v_new_from
         AND CASE WHEN e.id <= p_cursor.trusted_id THEN e.xid <> ALL (v_running) ELSE pg_visible_in_snapshot(e.xid, p_cursor.snap_to) END
         AND e.delivery_lane <> 'held' AND e.bucket BETWEEN p_cursor.bucket_from AND p_cursor.bucket_to
       ORDER BY e.id LIMIT p_batch_size)
      UNION ALL
      (SELECT e.id FROM event_outbox AS e
       WHERE e.xid = p_own AND e.id > v_own_after
         AND e.delivery_lane <> 'held' AND e.bucket BETWEEN p_cursor.bucket_from AND p_cursor.bucket_to
       ORDER BY e.id LIMIT p_batch_size)
    ) AS became_visible
    ORDER BY id LIMIT p_batch_size
  ), decided AS MATERIALIZED (
    SELECT d.* FROM page JOIN v_iu_route_decision AS d ON d.event_id = page.id
  ), attempted AS (
    INSERT INTO iu_route_attempt AS a (event_id, route_id, attempt_no, status, failure_code, failure_detail, target_kind, target_ref, worker_code)
    SELECT event_id, route_id, 1, decision, failure_code, failure_detail, target_kind, target_ref, p_cursor.worker_code
    FROM decided WHERE decision <> 'live' ORDER BY event_id, route_id
    ON CONFLICT DO NOTHING
    RETURNING a.event_id, a.route_id, a.status, a.failure_code, a.failure_detail
  ), dead AS (
    INSERT INTO iu_route_dead_letter (event_id, route_id, attempt_no, failure_code, failure_detail, event_domain, event_type,
                                      event_subject_table, event_subject_ref, payload, actor, event_created_at)
    SELECT e.id, a.route_id, 1, a.failure_code, a.failure_detail, e.event_domain, e.event_type,
           e.event_subject_table, e.event_subject_ref, e.payload, e.actor, e.created_at
    FROM attempted AS a JOIN event_outbox AS e ON e.id = a.event_id
    WHERE a.status = 'failed' ORDER BY e.id, a.route_id
    ON CONFLICT DO NOTHING
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM page), (SELECT max(id) FROM page), a.route_ids, a.statuses, (SELECT count(*) FROM dead), l.events, l.routes
  INTO seen, last_id, route_ids, statuses, dead_lettered, live_events, live_routes
  FROM (SELECT coalesce(array_agg(route_id), '{}') AS route_ids, coalesce(array_agg(status), '{}') AS statuses FROM attempted) AS a
  CROSS JOIN (SELECT coalesce(array_agg(event_id ORDER BY event_id, route_id), '{}') AS events, coalesce(array_agg(route_id ORDER BY event_id, route_id), '{}') AS routes
              FROM decided AS d
              -- A delivery cannot be taken back by a conflict: what was attempted once is left to replays.
              WHERE decision = 'live' AND NOT EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = d.event_id AND a.route_id = d.route_id)) AS l;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_page(iu_core.iu_route_worker_cursor, xid8, integer) IS 'Routes one page of the window that the cursor describes; live routes are returned, not attempted. p_own is the caller''s own transaction where it has written, so that it may read its own events';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_page(iu_core.iu_route_worker_cursor, xid8, integer) FROM PUBLIC;

-- requires: iu_route_attempt_rollup
CREATE FUNCTION iu_core.fn_iu_route_rollup_add(p_worker_code text, p_route_ids integer[], p_statuses text[])
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  INSERT INTO iu_route_attempt_rollup AS t (worker_code, span_start, route_id, status, attempts, last_attempt_at)
  SELECT p_worker_code, span_start, route_id, status, count(*), clock_timestamp()
  FROM unnest(p_route_ids, p_statuses) AS a(route_id, status)
  CROSS JOIN (VALUES ('-infinity'::timestamptz), (date_trunc('hour', clock_timestamp(), 'UTC'))) AS span(span_start)
  GROUP BY span_start, route_id, status
  ORDER BY span_start, route_id, status
  ON CONFLICT (worker_code, span_start, route_id, status)
  DO UPDATE SET attempts = t.attempts + excluded.attempts, last_attempt_at = excluded.last_attempt_at
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_rollup_add(text, integer[], text[]) IS 'Counts attempts, one element each, into the hour and into all time';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_rollup_add(text, integer[], text[]) FROM PUBLIC;

-- requires: iu_route_worker_cursor, fn_iu_event_pending
CREATE FUNCTION iu_core.fn_iu_route_worker_health(p_worker_code text)
RETURNS TABLE (healthy boolean, reasons text[], worker_gate_open boolean, master_gate_open boolean, delivery_mode text, blocked_by text,
               backlog integer, oldest_unrouted_at timestamptz, held_back_since timestamptz, open_dead_letters integer,
               last_pass_at timestamptz, last_pass_seen integer)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  v_cursor iu_route_worker_cursor;
BEGIN
  SELECT * INTO v_cursor FROM iu_route_worker_cursor AS c WHERE c.worker_code = p_worker_code;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'worker_code: % has no cursor', coalesce(p_worker_code, 'null') USING ERRCODE = 'IU003', COLUMN = 'worker_code';
  END IF;
  reasons := '{}';
  worker_gate_open := fn_iu_gate_is_open('iu_core.route_worker_enabled');
  master_gate_open := fn_iu_gate_is_open('iu_core.routes_master_enabled');
  blocked_by := CASE WHEN NOT worker_gate_open THEN 'iu_core.route_worker_enabled' WHEN NOT master_gate_open THEN 'iu_core.routes_master_enabled' END;
  delivery_mode := CASE
    WHEN blocked_by IS NOT NULL THEN 'STOPPED'
    WHEN fn_iu_gate_is_open('iu_core.execution_enabled') AND EXISTS (SELECT FROM iu_outbound_route AS r WHERE r.enabled AND NOT r.dry_run) THEN 'LIVE'
    ELSE 'DRY RUN' END;
  last_pass_at := v_cursor.last_pass_at;
  last_pass_seen := v_cursor.last_pass_seen;
  SELECT count(*), min(p.created_at) INTO backlog, oldest_unrouted_at FROM fn_iu_event_pending(10001) AS p WHERE p.worker_code = p_worker_code;
  -- Only a transaction that the cursor has not passed can hold events back: one that was open at the last
  -- window, or began after it. A prepared one has no session.
  SELECT min(o.since) INTO held_back_since
  FROM (SELECT a.xact_start AS since, a.backend_xid::text::numeric AS xid FROM pg_stat_activity AS a WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
        UNION ALL
        SELECT p.prepared, p.transaction::text::numeric FROM pg_prepared_xacts AS p WHERE p.database = current_database()) AS o
  WHERE o.xid IN (SELECT x::text::numeric % 4294967296 FROM pg_snapshot_xip(v_cursor.snap_from) AS x)
     OR mod(o.xid - pg_snapshot_xmax(v_cursor.snap_from)::text::numeric % 4294967296 + 4294967296, 4294967296) < 2147483648;
  SELECT count(*) INTO open_dead_letters FROM (SELECT FROM iu_route_dead_letter AS d WHERE d.status = 'open' LIMIT 10001) AS bounded;

  IF NOT worker_gate_open THEN reasons := reasons || format('gate iu_core.route_worker_enabled is %s', fn_iu_gate_state('iu_core.route_worker_enabled')); END IF;
  IF NOT master_gate_open THEN reasons := reasons || format('gate iu_core.routes_master_enabled is %s', fn_iu_gate_state('iu_core.routes_master_enabled')); END IF;
  IF backlog > 10000 THEN reasons := reasons || 'more than 10,000 events wait'::text; END IF;
  IF oldest_unrouted_at < clock_timestamp() - interval '1 minute' THEN
    reasons := reasons || format('the oldest unrouted event is of %s', to_char(oldest_unrouted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'));
  END IF;
  IF held_back_since < clock_timestamp() - interval '1 minute' THEN
    reasons := reasons || format('a transaction open since %s may hold events back', to_char(held_back_since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'));
  END IF;
  IF open_dead_letters > 0 THEN
    reasons := reasons || format('%s open dead letter%s', CASE WHEN open_dead_letters > 10000 THEN '10,000+' ELSE open_dead_letters::text END, CASE open_dead_letters WHEN 1 THEN '' ELSE 's' END);
  END IF;
  healthy := cardinality(reasons) = 0;
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_worker_health(text) IS 'Healthy, or every reason why not: gates, backlog, age of the oldest unrouted event, a transaction that holds events back, open dead letters; with the last pass. IU003 unknown worker';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_worker_health(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_route_worker_health(text) TO iu_reader, iu_worker;

-- requires: fn_iu_route_page
CREATE FUNCTION iu_core.fn_iu_route_worker_run(p_worker_code text, p_batch_size integer DEFAULT 1000)
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
  SELECT * INTO STRICT v_cursor FROM iu_route_worker_cursor AS c WHERE c.worker_code = p_worker_code;
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
    v_cursor.own_xid := NULL; v_cursor.own_last_id := 0;
    v_is_newest := true;
  END IF;

  LOOP
    IF v_cursor.snap_to IS NULL THEN
      v_cursor.snap_to := v_now; v_cursor.floor_to_id := v_floor; v_cursor.trusted_id := 0; v_cursor.last_id := 0;
      v_is_newest := true;
    END IF;
    -- Own events only in a window that ends now: an older one may lack what their subject had before.
    v_page := fn_iu_route_page(v_cursor, CASE WHEN v_is_newest THEN v_own END, p_batch_size);
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
  attempts_written := attempts_written + cardinality(v_page.statuses);
  skipped := cardinality(array_positions(v_page.statuses, 'skipped'));
  IF cardinality(v_page.statuses) > 0 THEN
    PERFORM fn_iu_route_rollup_add(p_worker_code, v_page.route_ids, v_page.statuses);
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
      own_xid = v_cursor.own_xid, own_last_id = v_cursor.own_last_id,
      events_seen = c.events_seen + v_page.seen, last_pass_at = clock_timestamp(), last_pass_seen = v_page.seen
  WHERE c.worker_code = p_worker_code;
  IF seen = 0 THEN
    RETURN NEXT; RETURN;
  END IF;
  INSERT INTO iu_route_worker_run (worker_code, started_at, seen, attempts_written, skipped, dead_lettered)
  VALUES (p_worker_code, v_started, seen, attempts_written, skipped, dead_lettered);
  status := 'routed';
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_worker_run(text, integer) IS 'One pass: gates, claim, next events, one attempt per event and route, dead letters, cursor; all in the caller''s transaction, which must be READ COMMITTED. status: routed, idle (nothing to route, nothing written), busy, worker_gate_closed, master_gate_closed. IU002 bad batch size, IU003 unknown worker, IU011 wrong isolation level';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_worker_run(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_route_worker_run(text, integer) TO iu_worker;

-- requires: iu_outbound_route
CREATE FUNCTION iu_core.fn_iu_routes_forget(p_route_codes text[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  IF EXISTS (SELECT FROM iu_route_attempt_rollup AS t JOIN iu_outbound_route AS r ON r.id = t.route_id WHERE r.route_code = ANY (p_route_codes)) THEN
    RAISE EXCEPTION 'attempts on these routes exist' USING ERRCODE = 'IU010', HINT = 'A route with history stays; disable it instead.';
  END IF;
  DELETE FROM iu_outbound_route WHERE route_code = ANY (p_route_codes);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_routes_forget(text[]) IS 'Removes routes, the rollback of their registration; refuses (IU010) when one has attempts';
REVOKE ALL ON FUNCTION iu_core.fn_iu_routes_forget(text[]) FROM PUBLIC;

-- requires: iu_outbound_route
CREATE FUNCTION iu_core.fn_iu_routes_register(p_routes jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_code text;
  v_entry jsonb;
BEGIN
  FOR v_code, v_entry IN SELECT key, value FROM jsonb_each(p_routes) LOOP
    PERFORM fn_iu_classify('target_kind', ARRAY[v_entry ->> 'target_kind'], 'target_kind');
    IF NOT EXISTS (SELECT FROM iu_event_type WHERE event_type = v_entry ->> 'event_type') THEN
      RAISE EXCEPTION 'event_type: % is not registered', coalesce(v_entry ->> 'event_type', 'null')
        USING ERRCODE = 'IU007', COLUMN = 'event_type', HINT = 'Register the event type first.';
    END IF;
    -- A changed definition loses its approval; a known route keeps its switches.
    INSERT INTO iu_outbound_route (route_code, event_type, target_kind, target_ref, enabled, dry_run, definition_digest)
    VALUES (v_code, v_entry ->> 'event_type', v_entry ->> 'target_kind', v_entry ->> 'target_ref', coalesce((v_entry ->> 'enabled')::boolean, false), true,
            sha256(convert_to(concat_ws(chr(10), v_code, v_entry ->> 'event_type', v_entry ->> 'target_kind', v_entry ->> 'target_ref'), 'UTF8')))
    ON CONFLICT (route_code) DO UPDATE
    SET event_type = excluded.event_type, target_kind = excluded.target_kind, target_ref = excluded.target_ref, dry_run = true,
        definition_digest = excluded.definition_digest, approval_digest = NULL, registered_at = clock_timestamp(), registered_by = session_user
    WHERE iu_outbound_route.definition_digest <> excluded.definition_digest;
  END LOOP;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_routes_register(jsonb) IS 'Registers routes, always as dry runs: {"route_code": {"event_type", "target_kind", "target_ref", "enabled"}}; again with the same content changes nothing. IU002 unclassified target kind, IU007 unknown event type';
REVOKE ALL ON FUNCTION iu_core.fn_iu_routes_register(jsonb) FROM PUBLIC;

-- A snapshot as PostgreSQL gives it says too much to be stored, twice over. It never lists the
-- transaction that takes it; and its upper end is one above the newest that has finished, so it does not
-- list the running ones above that either, though they may have drawn event ids already. Here both are put
-- in as in progress: what a fenced snapshot does not know got its transaction id after p_newest.
CREATE FUNCTION iu_core.fn_iu_snapshot_fenced(p_snapshot pg_snapshot, p_own xid8, p_newest xid8)
RETURNS pg_snapshot
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT format('%s:%s:%s', least(pg_snapshot_xmin(p_snapshot), p_own), greatest(pg_snapshot_xmax(p_snapshot)::text::numeric, p_newest::text::numeric + 1),
                string_agg(x::text, ',' ORDER BY x))::pg_snapshot
  FROM (SELECT x::text::numeric AS x FROM pg_snapshot_xip(p_snapshot) AS x
        UNION SELECT p_own::text::numeric
        UNION SELECT generate_series(pg_snapshot_xmax(p_snapshot)::text::numeric, p_newest::text::numeric)) AS running
$$;
COMMENT ON FUNCTION iu_core.fn_iu_snapshot_fenced(pg_snapshot, xid8, xid8) IS 'The snapshot with p_own, and every transaction from its upper end to p_newest, listed as in progress';
REVOKE ALL ON FUNCTION iu_core.fn_iu_snapshot_fenced(pg_snapshot, xid8, xid8) FROM PUBLIC;

-- requires: event_outbox, iu_route_attempt, iu_held_decision, v_iu_event_claim
-- Counted from the rows, in one snapshot. What a worker claims to be done with but did not attempt,
-- and what no worker owns, is unexplained.
CREATE VIEW iu_core.v_iu_accounting AS
SELECT count(*) AS events,
       count(*) FILTER (WHERE account = 'attempted') AS attempted,
       count(*) FILTER (WHERE account = 'held') AS held,
       count(*) FILTER (WHERE account = 'released') AS released,
       count(*) FILTER (WHERE account = 'discarded') AS discarded,
       count(*) FILTER (WHERE account = 'not_yet_routed') AS not_yet_routed,
       count(*) FILTER (WHERE account = 'unexplained') AS unexplained
FROM (
  SELECT CASE
    WHEN e.delivery_lane = 'held' THEN CASE
      WHEN EXISTS (SELECT FROM iu_core.event_outbox AS n WHERE n.released_from = e.id) THEN 'released'
      WHEN EXISTS (SELECT FROM iu_core.iu_held_decision AS h WHERE h.event_id = e.id) THEN 'discarded'
      ELSE 'held' END
    WHEN a.event_id IS NOT NULL THEN 'attempted'
    WHEN NOT c.is_passed THEN 'not_yet_routed'
    ELSE 'unexplained' END AS account
  FROM iu_core.event_outbox AS e
  LEFT JOIN (SELECT DISTINCT event_id FROM iu_core.iu_route_attempt WHERE attempt_no = 1) AS a ON a.event_id = e.id
  LEFT JOIN iu_core.v_iu_event_claim AS c ON c.event_id = e.id AND a.event_id IS NULL
  OFFSET 0                            -- each row is judged once, not once for each count
) AS accounted;
COMMENT ON VIEW iu_core.v_iu_accounting IS 'The accounting identity: events = attempted + held + released + discarded + not_yet_routed, and unexplained is 0';
GRANT SELECT ON iu_core.v_iu_accounting TO iu_reader;

-- requires: fn_iu_event_pending
CREATE VIEW iu_core.v_iu_event_backlog AS
SELECT worker_code, event_domain, event_type, count(*)::integer AS pending, min(created_at) AS oldest_at
FROM iu_core.fn_iu_event_pending(10001)
GROUP BY worker_code, event_domain, event_type;
COMMENT ON VIEW iu_core.v_iu_event_backlog IS 'Events not yet routed, by type; counted up to 10001 per worker';
GRANT SELECT ON iu_core.v_iu_event_backlog TO iu_reader;

-- requires: v_iu_event_backlog
CREATE VIEW iu_core.v_iu_composer_event_backlog AS
SELECT worker_code, event_type, pending, oldest_at FROM iu_core.v_iu_event_backlog WHERE event_domain = 'composer';
COMMENT ON VIEW iu_core.v_iu_composer_event_backlog IS 'The composer''s part of v_iu_event_backlog';
GRANT SELECT ON iu_core.v_iu_composer_event_backlog TO iu_reader;

-- requires: iu_outbound_route, iu_event_type
CREATE VIEW iu_core.v_iu_outbound_route AS
SELECT r.id AS route_id, r.route_code, r.event_type, t.event_domain, r.target_kind, r.target_ref, r.enabled, r.dry_run,
       encode(r.definition_digest, 'hex') AS definition_digest
FROM iu_core.iu_outbound_route AS r JOIN iu_core.iu_event_type AS t ON t.event_type = r.event_type;
COMMENT ON VIEW iu_core.v_iu_outbound_route IS 'Every route with its switches';
GRANT SELECT ON iu_core.v_iu_outbound_route TO iu_reader;

-- requires: iu_route_attempt, event_outbox, iu_outbound_route
CREATE VIEW iu_core.v_iu_route_attempt AS
SELECT a.event_id, a.route_id, coalesce(r.route_code, '(no route)') AS route_code, a.attempt_no, a.status, a.failure_code, a.failure_detail,
       a.event_id || ':' || a.route_id AS idempotency_key,
       e.event_domain, e.event_type, e.event_subject_table, e.event_subject_ref, a.target_kind, a.target_ref, a.worker_code, a.created_at
FROM iu_core.iu_route_attempt AS a
JOIN iu_core.event_outbox AS e ON e.id = a.event_id
LEFT JOIN iu_core.iu_outbound_route AS r ON r.id = a.route_id;
COMMENT ON VIEW iu_core.v_iu_route_attempt IS 'Every attempt with its event; newest first is order by event_id desc, route_id desc, attempt_no desc';
GRANT SELECT ON iu_core.v_iu_route_attempt TO iu_reader;

-- requires: iu_route_attempt_rollup, iu_outbound_route
CREATE VIEW iu_core.v_iu_route_attempt_hourly AS
SELECT t.span_start AS hour, t.route_id, coalesce(r.route_code, '(no route)') AS route_code, t.status, sum(t.attempts)::bigint AS attempts
FROM iu_core.iu_route_attempt_rollup AS t LEFT JOIN iu_core.iu_outbound_route AS r ON r.id = t.route_id
WHERE t.span_start > '-infinity'
GROUP BY t.span_start, t.route_id, r.route_code, t.status;
COMMENT ON VIEW iu_core.v_iu_route_attempt_hourly IS 'Attempts per hour, route and outcome';
GRANT SELECT ON iu_core.v_iu_route_attempt_hourly TO iu_reader;

-- requires: iu_route_attempt_rollup, iu_outbound_route
CREATE VIEW iu_core.v_iu_route_attempt_summary AS
SELECT coalesce(r.id, t.route_id) AS route_id, coalesce(r.route_code, '(no route)') AS route_code, r.event_type, r.target_kind, r.target_ref, r.enabled, r.dry_run,
       t.status, coalesce(t.attempts, 0) AS attempts, t.last_attempt_at
FROM iu_core.iu_outbound_route AS r
FULL JOIN (
  SELECT route_id, status, sum(attempts)::bigint AS attempts, max(last_attempt_at) AS last_attempt_at
  FROM iu_core.iu_route_attempt_rollup WHERE span_start = '-infinity' GROUP BY route_id, status
) AS t ON t.route_id = r.id;
COMMENT ON VIEW iu_core.v_iu_route_attempt_summary IS 'Attempts per route and outcome over all time; a route without attempts has one row with a null status';
GRANT SELECT ON iu_core.v_iu_route_attempt_summary TO iu_reader;

-- requires: iu_route_dead_letter, iu_outbound_route
CREATE VIEW iu_core.v_iu_route_dead_letter_open AS
SELECT d.id AS dead_letter_id, d.event_id, d.route_id, coalesce(r.route_code, '(no route)') AS route_code, d.attempt_no, d.failure_code, d.failure_detail,
       d.event_domain, d.event_type, d.event_subject_table, d.event_subject_ref, d.payload, d.actor, d.event_created_at, d.created_at
FROM iu_core.iu_route_dead_letter AS d LEFT JOIN iu_core.iu_outbound_route AS r ON r.id = d.route_id
WHERE d.status = 'open';
COMMENT ON VIEW iu_core.v_iu_route_dead_letter_open IS 'The open dead letters, with the reason and the event as it was';
GRANT SELECT ON iu_core.v_iu_route_dead_letter_open TO iu_reader;

-- requires: fn_iu_route_worker_health, iu_route_worker_cursor
CREATE VIEW iu_core.v_iu_route_worker_health AS
SELECT c.worker_code, h.*
FROM iu_core.iu_route_worker_cursor AS c CROSS JOIN LATERAL iu_core.fn_iu_route_worker_health(c.worker_code) AS h;
COMMENT ON VIEW iu_core.v_iu_route_worker_health IS 'One row a worker: healthy, or every reason why not';
GRANT SELECT ON iu_core.v_iu_route_worker_health TO iu_reader;

-- requires: iu_route_attempt, fn_iu_append_only
CREATE TRIGGER trg_iu_route_attempt_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON iu_core.iu_route_attempt
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_append_only();
COMMENT ON TRIGGER trg_iu_route_attempt_append_only ON iu_core.iu_route_attempt IS 'An attempt is history';
