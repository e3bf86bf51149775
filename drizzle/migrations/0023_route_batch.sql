-- unit: schema

-- What one failure has of its own is taken out of its words, so that a fault has the same words each time: the value
-- that was found, whatever is quoted, identifiers, numbers. What breaks in many places of one payload is named once.
-- A dead letter's fingerprint is made of it while a pass waits: a query is made for several faults only.
CREATE OR REPLACE FUNCTION iu_core.fn_iu_failure_kind(p_failure_detail text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_parts text[] := regexp_split_to_array(regexp_replace(left(coalesce(p_failure_detail, ''), 4000), '"(\\.|[^"\\])*("|$)', '…', 'g'), '; (?=\$)');
BEGIN
  FOR i IN 1 .. cardinality(v_parts) LOOP
    v_parts[i] := regexp_replace(regexp_replace(regexp_replace(
      CASE WHEN v_parts[i] ~ ', have (string|number|boolean|object|array|null)$' THEN v_parts[i] ELSE regexp_replace(v_parts[i], ', have .*$', ', have …') END,
      '''[^'']*(''|$)', '…', 'g'),
      '\m[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}\M', '…', 'g'),
      '\d+([.,:]\d+)*', '#', 'g');
  END LOOP;
  IF cardinality(v_parts) = 1 THEN
    RETURN v_parts[1];
  END IF;
  RETURN (SELECT string_agg(DISTINCT part, '; ' ORDER BY part) FROM (SELECT unnest(v_parts) COLLATE "C" AS part) AS parts);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_failure_kind(text) IS 'A failure''s words without what this one event has of its own: values, quoted texts, identifiers, numbers';
REVOKE ALL ON FUNCTION iu_core.fn_iu_failure_kind(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_failure_kind(text) TO iu_reader;

-- requires: fn_iu_failure_kind
CREATE OR REPLACE FUNCTION iu_core.fn_iu_dead_letter_cause(p_failure_code text, p_route_id integer, p_event_type text, p_failure_detail text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  RETURN left(encode(sha256(convert_to(p_failure_code || chr(10) || p_route_id || chr(10) || p_event_type || chr(10) || fn_iu_failure_kind(p_failure_detail), 'UTF8')), 'hex'), 16);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_dead_letter_cause(text, integer, text, text) IS 'The fingerprint of a failure''s cause: of its code, route and type of event, and of what its words have in common with others of the kind';
REVOKE ALL ON FUNCTION iu_core.fn_iu_dead_letter_cause(text, integer, text, text) FROM PUBLIC;

-- requires: dot_config
-- The one place that says what a row of dot_config means.
CREATE OR REPLACE FUNCTION iu_core.fn_iu_gate_state(p_gate text)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  RETURN coalesce((
    SELECT CASE
      WHEN value_type <> 'gate' OR value NOT IN ('true', 'false') THEN 'malformed'
      WHEN value = 'false' THEN 'closed'
      WHEN expires_at <= clock_timestamp() THEN 'expired'
      ELSE 'open'
    END
    FROM dot_config WHERE key = p_gate), 'missing');
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_gate_state(text) IS 'open, closed, expired, malformed or missing; only ''open'' lets anything through';
REVOKE ALL ON FUNCTION iu_core.fn_iu_gate_state(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_gate_state(text) TO iu_reader;

-- Runs for bad rows only; says in words what the compiled predicate only answers with no. It stops at
-- twenty: a person reads them, and a long list of bad items must not hold up a pass. Nor must a page of which each
-- event is bad: where a plain expression does, no query is made.
CREATE OR REPLACE FUNCTION iu_core.fn_iu_payload_problems(p_payload jsonb, p_schema jsonb, p_path text DEFAULT '$')
RETURNS text[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_type constant text := jsonb_typeof(p_payload);
  v_required constant jsonb := p_schema -> 'required';
  v_wanted text[];
  v_problems text[] := '{}';
  v_key text;
  v_value jsonb;
  v_number numeric;
BEGIN
  IF p_schema ? 'type' THEN
    v_wanted := ARRAY[p_schema ->> 'type'];
    IF jsonb_typeof(p_schema -> 'type') = 'array' THEN
      v_wanted := ARRAY(SELECT jsonb_array_elements_text(p_schema -> 'type'));
    END IF;
    IF NOT (v_type = ANY (v_wanted) OR v_type = 'number' AND 'integer' = ANY (v_wanted) AND floor((p_payload #>> '{}')::numeric) = (p_payload #>> '{}')::numeric) THEN
      v_problems := v_problems || format('%s: want %s, have %s', p_path, array_to_string(v_wanted, ' or '), v_type);
    END IF;
  END IF;
  IF p_schema ? 'const' AND p_payload IS DISTINCT FROM p_schema -> 'const' THEN
    v_problems := v_problems || format('%s: want %s, have %s', p_path, p_schema -> 'const', left(p_payload::text, 80));
  END IF;
  IF p_schema ? 'enum' AND NOT p_schema -> 'enum' @> jsonb_build_array(p_payload) THEN
    v_problems := v_problems || format('%s: want one of %s, have %s', p_path, p_schema -> 'enum', left(p_payload::text, 80));
  END IF;
  IF v_type = 'number' THEN
    v_number := (p_payload #>> '{}')::numeric;
    IF v_number < (p_schema ->> 'minimum')::numeric THEN v_problems := v_problems || format('%s: want at least %s, have %s', p_path, p_schema -> 'minimum', left(p_payload::text, 80)); END IF;
    IF v_number > (p_schema ->> 'maximum')::numeric THEN v_problems := v_problems || format('%s: want at most %s, have %s', p_path, p_schema -> 'maximum', left(p_payload::text, 80)); END IF;
    IF v_number <= (p_schema ->> 'exclusiveMinimum')::numeric THEN v_problems := v_problems || format('%s: want more than %s, have %s', p_path, p_schema -> 'exclusiveMinimum', left(p_payload::text, 80)); END IF;
    IF v_number >= (p_schema ->> 'exclusiveMaximum')::numeric THEN v_problems := v_problems || format('%s: want less than %s, have %s', p_path, p_schema -> 'exclusiveMaximum', left(p_payload::text, 80)); END IF;
  ELSIF v_type = 'string' THEN
    IF length(p_payload #>> '{}') < (p_schema ->> 'minLength')::integer THEN v_problems := v_problems || format('%s: want at least %s characters', p_path, p_schema -> 'minLength'); END IF;
    IF length(p_payload #>> '{}') > (p_schema ->> 'maxLength')::integer THEN v_problems := v_problems || format('%s: want at most %s characters, have %s', p_path, p_schema -> 'maxLength', length(p_payload #>> '{}')); END IF;
    IF cardinality(v_problems) = 0 AND p_schema ? 'pattern' AND (p_payload @@ ('$ like_regex ' || (p_schema -> 'pattern')::text)::jsonpath) IS NOT TRUE THEN
      v_problems := v_problems || format('%s: want a text like %s', p_path, p_schema -> 'pattern');
    END IF;
  ELSIF v_type = 'array' THEN
    IF jsonb_array_length(p_payload) < (p_schema ->> 'minItems')::integer THEN v_problems := v_problems || format('%s: want at least %s', p_path, p_schema -> 'minItems'); END IF;
    IF jsonb_array_length(p_payload) > (p_schema ->> 'maxItems')::integer THEN v_problems := v_problems || format('%s: want at most %s, have %s', p_path, p_schema -> 'maxItems', jsonb_array_length(p_payload)); END IF;
    IF p_schema ? 'items' THEN
      FOR v_key, v_value IN SELECT n - 1, e FROM jsonb_array_elements(p_payload) WITH ORDINALITY AS x(e, n) LOOP
        EXIT WHEN cardinality(v_problems) >= 20;
        v_problems := v_problems || fn_iu_payload_problems(v_value, p_schema -> 'items', format('%s[%s]', p_path, v_key));
      END LOOP;
    END IF;
  ELSIF v_type = 'object' THEN
    FOR i IN 0 .. coalesce(jsonb_array_length(v_required), 0) - 1 LOOP
      v_key := v_required ->> i;
      IF NOT p_payload ? v_key THEN v_problems := v_problems || format('%s.%s: missing', p_path, v_key); END IF;
    END LOOP;
    FOREACH v_key IN ARRAY ARRAY(SELECT jsonb_object_keys(p_payload)) LOOP
      EXIT WHEN cardinality(v_problems) >= 20;
      IF p_schema -> 'properties' ? v_key THEN
        v_problems := v_problems || fn_iu_payload_problems(p_payload -> v_key, p_schema -> 'properties' -> v_key, format('%s.%s', p_path, v_key));
      ELSIF p_schema -> 'additionalProperties' = 'false' THEN
        v_problems := v_problems || format('%s.%s: not in the schema', p_path, left(v_key, 80));
      END IF;
    END LOOP;
  END IF;
  RETURN v_problems[:20];
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_payload_problems(jsonb, jsonb, text) IS 'The ways in which a payload breaks its schema, twenty at most, as "path: want …, have …"; empty when it meets it';
REVOKE ALL ON FUNCTION iu_core.fn_iu_payload_problems(jsonb, jsonb, text) FROM PUBLIC;

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
  -- A bit for each bucket and not a range: of a range the planner expects one event in two hundred, and joins a whole page one by one.
  v_buckets constant integer := (1 << (p_cursor.bucket_to + 1)) - (1 << p_cursor.bucket_from::integer);
BEGIN
  -- One time for the page: an hour's attempts and its roll-up are the same ones.
  decided_at := clock_timestamp();
  WITH page AS MATERIALIZED (
    SELECT id, event_type, payload FROM (
      (SELECT late.* FROM unnest(v_late) AS l(x) CROSS JOIN LATERAL (
         SELECT e.id, e.event_type, e.payload FROM event_outbox AS e
         -- One transaction as a range, in the order of its index: of what one wrote among few, the planner expects
         -- so many rows that it would rather walk the primary key.
         WHERE e.xid >= l.x AND e.xid <= l.x AND e.delivery_lane <> 'held' AND (v_buckets >> e.bucket) & 1 <> 0
           AND e.id > CASE WHEN l.x = p_cursor.own_xid THEN greatest(p_cursor.last_id, p_cursor.own_last_id) ELSE p_cursor.last_id END
         ORDER BY e.xid, e.id LIMIT p_batch_size) AS late)
      UNION ALL
      (SELECT e.id, e.event_type, e.payload FROM event_outbox AS e
       WHERE e.id > greatest(p_cursor.last_id, p_cursor.floor_id) AND e.xid >= v_new_from
         AND CASE WHEN e.id <= p_cursor.trusted_id THEN e.xid <> ALL (v_running) ELSE pg_visible_in_snapshot(e.xid, p_cursor.snap_to) END
         AND e.delivery_lane <> 'held' AND (v_buckets >> e.bucket) & 1 <> 0
       ORDER BY e.id LIMIT p_batch_size)
      UNION ALL
      (SELECT e.id, e.event_type, e.payload FROM event_outbox AS e
       WHERE e.xid >= p_own AND e.xid <= p_own AND e.id > v_own_after
         AND e.delivery_lane <> 'held' AND (v_buckets >> e.bucket) & 1 <> 0
       ORDER BY e.xid, e.id LIMIT p_batch_size)
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

-- requires: iu_route_attempt_rollup
-- Not in SQL, as what a pass calls is not: its plan is kept from call to call, which that of an SQL function is not before 18.
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_rollup_add(p_worker_code text, p_at timestamptz, p_route_ids integer[], p_statuses text[], p_counts integer[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  INSERT INTO iu_route_attempt_rollup AS t (worker_code, span_start, route_id, status, attempts, last_attempt_at)
  SELECT p_worker_code, span_start, route_id, status, n, p_at
  FROM unnest(p_route_ids, p_statuses, p_counts) AS a(route_id, status, n)
  CROSS JOIN (VALUES ('-infinity'::timestamptz), (date_trunc('hour', p_at, 'UTC'))) AS span(span_start)
  ORDER BY span_start, route_id, status
  ON CONFLICT (worker_code, span_start, route_id, status)
  DO UPDATE SET attempts = t.attempts + excluded.attempts, last_attempt_at = greatest(t.last_attempt_at, excluded.last_attempt_at);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_rollup_add(text, timestamptz, integer[], text[], integer[]) IS 'Adds counts of attempts made at p_at, one element a route and status, to its hour and to all time';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_rollup_add(text, timestamptz, integer[], text[], integer[]) FROM PUBLIC;

-- requires: fn_iu_route_page, fn_iu_route_attempt_one, fn_iu_route_rollup_add
-- A page with all that belongs to it, for the worker and for the probe, which has a cursor of its own.
CREATE FUNCTION iu_core.fn_iu_route_batch(
  p_cursor iu_core.iu_route_worker_cursor, p_own xid8, p_batch_size integer,
  OUT seen integer, OUT last_id bigint, OUT attempts_written integer, OUT skipped integer, OUT dead_lettered integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_page record;
  v_status text;
BEGIN
  BEGIN
    v_page := fn_iu_route_page(p_cursor, p_own, p_batch_size, false);
  EXCEPTION WHEN unique_violation THEN
    -- Only after a reset, a restore or a join: to look before each insert would slow down every page.
    v_page := fn_iu_route_page(p_cursor, p_own, p_batch_size, true);
  END;
  seen := v_page.seen; last_id := v_page.last_id; dead_lettered := v_page.dead_lettered;
  attempts_written := 0; skipped := 0;
  FOR i IN 1 .. cardinality(v_page.live_events) LOOP
    v_status := fn_iu_route_attempt_one(p_cursor.worker_code, v_page.live_events[i], v_page.live_routes[i], 1);
    attempts_written := attempts_written + CASE WHEN v_status IS NULL THEN 0 ELSE 1 END;
    dead_lettered := dead_lettered + CASE WHEN v_status = 'failed' THEN 1 ELSE 0 END;
  END LOOP;
  FOR i IN 1 .. cardinality(v_page.counts) LOOP
    attempts_written := attempts_written + v_page.counts[i];
    skipped := skipped + CASE v_page.statuses[i] WHEN 'skipped' THEN v_page.counts[i] ELSE 0 END;
  END LOOP;
  IF cardinality(v_page.counts) > 0 THEN
    PERFORM fn_iu_route_rollup_add(p_cursor.worker_code, v_page.decided_at, v_page.route_ids, v_page.statuses, v_page.counts);
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_batch(iu_core.iu_route_worker_cursor, xid8, integer) IS 'Routes one page of the window that the cursor describes, live routes included, and keeps the roll-up; the cursor is not moved. p_own is the caller''s own transaction where it has written, so that it may read its own events';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_batch(iu_core.iu_route_worker_cursor, xid8, integer) FROM PUBLIC;

-- requires: fn_iu_route_batch, iu_route_worker_cursor
-- A batch as the worker routes it, with a cursor that stands in no table: its
-- window is empty but for the caller's own events after p_after. So neither the live worker's lock is taken
-- nor anybody else's event routed.
CREATE OR REPLACE FUNCTION iu_core.fn_iu_probe_pass(p_after bigint, OUT seen integer, OUT attempts_written integer, OUT dead_lettered integer, OUT last_id bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_cursor iu_route_worker_cursor;
  v_page record;
BEGIN
  v_cursor.worker_code := 'iu_probe';
  v_cursor.bucket_from := 0; v_cursor.bucket_to := 15;
  v_cursor.system_identifier := fn_iu_system_identifier();
  v_cursor.snap_from := pg_current_snapshot(); v_cursor.snap_to := v_cursor.snap_from;
  -- Above every id there is: the two other parts of the window have nothing to look through.
  v_cursor.floor_id := pg_sequence_last_value('iu_core.event_outbox_id_seq'); v_cursor.floor_to_id := v_cursor.floor_id;
  v_cursor.trusted_id := 0; v_cursor.last_id := v_cursor.floor_id;
  v_cursor.own_xid := pg_current_xact_id(); v_cursor.own_last_id := p_after;
  v_page := fn_iu_route_batch(v_cursor, pg_current_xact_id(), 1000);
  seen := v_page.seen;
  last_id := coalesce(v_page.last_id, p_after);
  attempts_written := v_page.attempts_written;
  dead_lettered := v_page.dead_lettered;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_probe_pass(bigint) IS 'Routes the caller''s own events with ids above p_after, and nobody else''s; gates are not asked';
REVOKE ALL ON FUNCTION iu_core.fn_iu_probe_pass(bigint) FROM PUBLIC;

-- requires: fn_iu_route_batch, iu_route_worker_cursor
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
  v_page record;
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
  v_rebased := v_cursor.system_identifier IS DISTINCT FROM fn_iu_system_identifier() OR pg_snapshot_xmin(v_cursor.snap_from) > pg_snapshot_xmax(v_now);
  IF v_rebased THEN
    v_rebased := EXISTS (SELECT FROM event_outbox);
  END IF;
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
    v_page := fn_iu_route_batch(v_cursor, CASE WHEN v_is_newest THEN v_own END, p_batch_size);
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

  seen := v_page.seen; attempts_written := v_page.attempts_written; skipped := v_page.skipped; dead_lettered := v_page.dead_lettered;
  IF seen < p_batch_size THEN
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

-- requires: fn_iu_gate_state
CREATE OR REPLACE FUNCTION iu_core.fn_iu_gate_is_open(p_gate text)
RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  RETURN fn_iu_gate_state(p_gate) = 'open';
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_gate_is_open(text) IS 'True only for an open gate; never null';
REVOKE ALL ON FUNCTION iu_core.fn_iu_gate_is_open(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_gate_is_open(text) TO iu_reader;
