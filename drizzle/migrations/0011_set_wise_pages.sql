-- unit: schema

COMMENT ON COLUMN iu_core.iu_event_type.payload_predicate IS 'the schema compiled to one jsonpath predicate, so that a batch is checked set-wise';

ALTER TABLE iu_core.iu_route_attempt
  DROP CONSTRAINT iu_route_attempt_failure_chk,
  DROP CONSTRAINT iu_route_attempt_status_chk,
  ADD CONSTRAINT iu_route_attempt_status_chk CHECK (CASE status WHEN 'dry_run' THEN failure_code IS NULL WHEN 'skipped' THEN failure_code IS NOT NULL
    WHEN 'failed' THEN failure_code IS NOT NULL WHEN 'sent' THEN failure_code IS NULL ELSE false END);

-- requires: iu_event_type
CREATE OR REPLACE FUNCTION iu_core.fn_iu_event_types_register(p_event_domain text, p_delivery_lane text, p_is_system boolean, p_types jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_type text;
  v_entry jsonb;
BEGIN
  PERFORM fn_iu_classify('event_domain', ARRAY[p_event_domain], 'event_domain');
  PERFORM fn_iu_classify('delivery_lane', ARRAY[p_delivery_lane], 'delivery_lane');
  IF p_delivery_lane = 'held' THEN
    RAISE EXCEPTION 'delivery_lane: held is where the master gate puts events, no type lives there'
      USING ERRCODE = 'IU002', COLUMN = 'delivery_lane', HINT = 'Use immediate or delayed.';
  END IF;
  FOR v_type, v_entry IN SELECT key, value FROM jsonb_each(p_types) LOOP
    -- A system type cannot be taken over by an application, nor the other way round.
    IF EXISTS (SELECT FROM iu_event_type WHERE event_type = v_type AND is_system <> p_is_system) THEN
      RAISE EXCEPTION 'event_type: % is already registered by %', v_type, CASE WHEN p_is_system THEN 'an application' ELSE 'the system' END
        USING ERRCODE = 'IU008', COLUMN = 'event_type', HINT = 'Choose another name.';
    END IF;
    INSERT INTO iu_event_type (event_type, event_domain, delivery_lane, payload_schema, payload_predicate, is_system, description, registered_by)
    VALUES (v_type, p_event_domain, p_delivery_lane, coalesce(v_entry -> 'payload_schema', '{}'),
            fn_iu_schema_compile(coalesce(v_entry -> 'payload_schema', '{}')), p_is_system, v_entry ->> 'description', fn_iu_actor())
    ON CONFLICT (event_type) DO UPDATE
    SET event_domain = excluded.event_domain, delivery_lane = excluded.delivery_lane, payload_schema = excluded.payload_schema,
        payload_predicate = excluded.payload_predicate, description = excluded.description,
        registered_at = clock_timestamp(), registered_by = fn_iu_actor()
    WHERE (iu_event_type.event_domain, iu_event_type.delivery_lane, iu_event_type.payload_schema, iu_event_type.payload_predicate::text, iu_event_type.description)
      IS DISTINCT FROM (excluded.event_domain, excluded.delivery_lane, excluded.payload_schema, excluded.payload_predicate::text, excluded.description);
  END LOOP;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_event_types_register(text, text, boolean, jsonb) IS 'Registers event types of one domain and lane: {"type": {"description": text, "payload_schema": schema}}; again with the same content changes nothing. IU002 for an unclassified domain or a schema outside the subset, IU008 for a name of the other side';
REVOKE ALL ON FUNCTION iu_core.fn_iu_event_types_register(text, text, boolean, jsonb) FROM PUBLIC;

-- requires: iu_route_worker_cursor
-- One page of a window, as one statement: read, decide, write attempts, dead-letter.
-- A generic plan always: a custom one is made anew on each pass and is no better.
CREATE FUNCTION iu_core.fn_iu_route_page(
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
    -- A delivery cannot be taken back by a conflict: on a live route one looks first.
    WHERE NOT p_is_reread AND r.decision IS DISTINCT FROM 'live'
       OR NOT EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = e.id AND a.route_id = coalesce(r.route_id, 0) AND a.attempt_no = 1 LIMIT 1)
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
      own_xid = v_cursor.own_xid, own_last_id = v_cursor.own_last_id,
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

-- The predicate must be true or false, never unknown: an unknown inside a negation would let a bad
-- payload through. So every accessor stands behind a check of the type that it needs, and every one of a
-- key behind one that it is there. In lax mode that is a look at the key itself; a filter over elements
-- would unwrap those that are arrays there, so in a schema with items both are asked of the pairs, strictly.
CREATE FUNCTION iu_core.fn_iu_schema_predicate(p_schema jsonb, p_is_lax boolean, p_base text DEFAULT '$', p_depth integer DEFAULT 0)
RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_known constant text[] := ARRAY['type', 'required', 'properties', 'additionalProperties', 'items', 'enum', 'const', 'minimum', 'maximum',
                                   'exclusiveMinimum', 'exclusiveMaximum', 'pattern', 'title', 'description', 'examples', '$schema'];
  v_types constant text[] := ARRAY['string', 'number', 'integer', 'boolean', 'object', 'array', 'null'];
  v_parts text[] := '{}';
  v_key text;
  v_value jsonb;
  v_list text;
  v_not_object constant text := CASE WHEN p_schema -> 'type' = '"object"' THEN '' ELSE format('!(%s.type() == "object") || ', p_base) END;
  v_not_number constant text := CASE WHEN p_schema -> 'type' IN ('"number"', '"integer"') THEN '' ELSE format('!(%s.type() == "number") || ', p_base) END;
BEGIN
  IF jsonb_typeof(p_schema) IS DISTINCT FROM 'object' OR p_depth > 8 THEN
    RAISE EXCEPTION 'payload_schema: a schema is a JSON object, nested at most 8 deep' USING ERRCODE = 'IU002', COLUMN = 'payload_schema';
  END IF;
  -- The type first: what stands behind it rests on it.
  FOR v_key, v_value IN SELECT key, value FROM jsonb_each(p_schema) ORDER BY key <> 'type' LOOP
    IF v_key <> ALL (v_known) THEN
      RAISE EXCEPTION 'payload_schema: keyword "%" is not supported', v_key
        USING ERRCODE = 'IU002', COLUMN = 'payload_schema', HINT = 'Supported: ' || array_to_string(v_known, ', ');
    END IF;
    CASE
      WHEN v_key = 'type' AND jsonb_typeof(v_value) IN ('string', 'array') THEN
        SELECT string_agg(CASE
                 WHEN t = 'integer' THEN format('(%1$s.type() == "number" && %1$s.floor() == %1$s)', p_base)
                 ELSE format('%s.type() == %s', p_base, to_json(t)) END, ' || ')
        INTO v_list
        FROM jsonb_array_elements_text(CASE jsonb_typeof(v_value) WHEN 'array' THEN v_value ELSE jsonb_build_array(v_value) END) AS t
        HAVING bool_and(t = ANY (v_types));
        IF v_list IS NULL THEN
          RAISE EXCEPTION 'payload_schema: type must name %', array_to_string(v_types, ', ') USING ERRCODE = 'IU002', COLUMN = 'payload_schema';
        END IF;
        v_parts := v_parts || format('(%s)', v_list);
      WHEN v_key = 'required' AND jsonb_typeof(v_value) = 'array' AND NOT jsonb_path_exists(v_value, '$[*] ? (@.type() != "string")') THEN
        SELECT string_agg(format(CASE WHEN p_is_lax THEN 'exists(%s.%s)' ELSE 'exists(%s.keyvalue() ? (@.key == %s))' END, p_base, to_json(k)), ' && ')
        INTO v_list FROM jsonb_array_elements_text(v_value) AS k;
        v_parts := v_parts || format('(%s(%s))', v_not_object, coalesce(v_list, '1 == 1'));
      WHEN v_key = 'properties' AND jsonb_typeof(v_value) = 'object' THEN
        SELECT string_agg(CASE WHEN p_is_lax
                 THEN format('(!exists(%1$s.%2$s) || (%3$s))', p_base, to_json(key), fn_iu_schema_predicate(value, true, format('%s.%s', p_base, to_json(key)), p_depth + 1))
                 ELSE format('!exists(%s.keyvalue() ? (@.key == %s && !(%s)))', p_base, to_json(key), fn_iu_schema_predicate(value, false, '@.value', p_depth + 1)) END, ' && ')
        INTO v_list FROM jsonb_each(v_value);
        v_parts := v_parts || format('(%s(%s))', v_not_object, coalesce(v_list, '1 == 1'));
      WHEN v_key = 'additionalProperties' AND jsonb_typeof(v_value) = 'boolean' THEN
        IF NOT v_value::boolean THEN
          SELECT string_agg(format('@.key == %s', to_json(k)), ' || ') INTO v_list FROM jsonb_object_keys(coalesce(p_schema -> 'properties', '{}')) AS k;
          v_parts := v_parts || format('(%s!exists(%s.keyvalue() ? (!(%s))))', v_not_object, p_base, coalesce(v_list, '1 == 0'));
        END IF;
      WHEN v_key = 'items' AND jsonb_typeof(v_value) = 'object' THEN
        v_parts := v_parts || format('(!(%1$s.type() == "array") || !exists(%1$s[*] ? (!(%2$s))))', p_base, fn_iu_schema_predicate(v_value, false, '@', p_depth + 1));
      WHEN v_key IN ('enum', 'const') AND (v_key = 'const' OR jsonb_typeof(v_value) = 'array' AND jsonb_array_length(v_value) > 0) THEN
        SELECT string_agg(format('(%1$s.type() == %2$s && %1$s == %3$s)', p_base, to_json(jsonb_typeof(e)), e), ' || ')
        INTO v_list
        FROM jsonb_array_elements(CASE v_key WHEN 'enum' THEN v_value ELSE jsonb_build_array(v_value) END) AS e
        HAVING bool_and(jsonb_typeof(e) NOT IN ('object', 'array'));
        IF v_list IS NULL THEN
          RAISE EXCEPTION 'payload_schema: % takes strings, numbers, booleans and null', v_key USING ERRCODE = 'IU002', COLUMN = 'payload_schema';
        END IF;
        v_parts := v_parts || format('(%s)', v_list);
      WHEN v_key IN ('minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum') AND jsonb_typeof(v_value) = 'number' THEN
        v_parts := v_parts || format('(%s%s %s %s)', v_not_number, p_base,
          CASE v_key WHEN 'minimum' THEN '>=' WHEN 'maximum' THEN '<=' WHEN 'exclusiveMinimum' THEN '>' ELSE '<' END, v_value);
      WHEN v_key = 'pattern' AND jsonb_typeof(v_value) = 'string' THEN
        BEGIN
          PERFORM format('$ like_regex %s', v_value)::jsonpath;
        EXCEPTION WHEN OTHERS THEN
          RAISE EXCEPTION 'payload_schema: pattern %: %', v_value, SQLERRM USING ERRCODE = 'IU002', COLUMN = 'payload_schema';
        END;
        v_parts := v_parts || format('(!(%1$s.type() == "string") || %1$s like_regex %2$s)', p_base, v_value);
      WHEN v_key IN ('title', 'description', 'examples', '$schema') THEN
        NULL;
      ELSE
        RAISE EXCEPTION 'payload_schema: the value of "%" has the wrong type (%)', v_key, jsonb_typeof(v_value) USING ERRCODE = 'IU002', COLUMN = 'payload_schema';
    END CASE;
  END LOOP;
  RETURN CASE cardinality(v_parts) WHEN 0 THEN '1 == 1' ELSE array_to_string(v_parts, ' && ') END;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_schema_predicate(jsonb, boolean, text, integer) IS 'Compiles a payload schema to the text of a jsonpath predicate over p_base, for lax mode (no schema with items) or for strict mode; IU002 for a keyword or value outside the subset';
REVOKE ALL ON FUNCTION iu_core.fn_iu_schema_predicate(jsonb, boolean, text, integer) FROM PUBLIC;

-- requires: fn_iu_schema_predicate
CREATE FUNCTION iu_core.fn_iu_schema_compile(p_schema jsonb)
RETURNS jsonpath
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  -- Anywhere, as a keyword or as the name of a property: strict is always right, lax is four times faster.
  v_is_lax constant boolean := NOT jsonb_path_exists(p_schema, '$.**.items');
BEGIN
  RETURN (CASE WHEN v_is_lax THEN 'lax ' ELSE 'strict ' END || fn_iu_schema_predicate(p_schema, v_is_lax))::jsonpath;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_schema_compile(jsonb) IS 'Compiles a payload schema to one jsonpath predicate: true for a payload that meets it, false for every other. IU002 for a keyword or value outside the subset';
REVOKE ALL ON FUNCTION iu_core.fn_iu_schema_compile(jsonb) FROM PUBLIC;

-- requires: iu_event_type, fn_iu_schema_compile
CREATE FUNCTION iu_core.fn_iu_event_types_recompile()
RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH recompiled AS (
    UPDATE iu_event_type SET payload_predicate = fn_iu_schema_compile(payload_schema)
    WHERE payload_predicate::text IS DISTINCT FROM fn_iu_schema_compile(payload_schema)::text
    RETURNING 1
  )
  SELECT count(*) FROM recompiled
$$;
COMMENT ON FUNCTION iu_core.fn_iu_event_types_recompile() IS 'Compiles every payload schema anew, for a deployment that changes the compiler; returns how many predicates changed';
REVOKE ALL ON FUNCTION iu_core.fn_iu_event_types_recompile() FROM PUBLIC;

-- requires: iu_event_type, iu_outbound_route
-- A disabled route comes first: its skip says nothing of the payload, so there is none to judge.
CREATE VIEW iu_core.v_iu_route_rule AS
SELECT t.event_type, coalesce(r.id, 0) AS route_id, r.target_kind, r.target_ref,
       CASE WHEN r.enabled IS NOT FALSE AND t.payload_schema <> '{}' THEN t.payload_predicate END AS payload_predicate, t.payload_schema,
       CASE WHEN r.id IS NULL THEN 'no_route' WHEN NOT r.enabled THEN 'route_disabled' END AS skip_code,
       CASE WHEN r.id IS NULL OR NOT r.enabled THEN 'skipped' WHEN r.dry_run THEN 'dry_run' ELSE 'live' END AS decision
FROM iu_core.iu_event_type AS t
LEFT JOIN iu_core.iu_outbound_route AS r ON r.event_type = t.event_type;
COMMENT ON VIEW iu_core.v_iu_route_rule IS 'What becomes of an event of each type on each of its routes, now: failed where there is a payload_predicate and the payload does not meet it, else the decision; an event of no type here fails as unknown_event_type';

-- requires: event_outbox, v_iu_route_rule, fn_iu_payload_problems
CREATE OR REPLACE VIEW iu_core.v_iu_route_decision AS
SELECT e.id AS event_id, coalesce(r.route_id, 0) AS route_id, r.target_kind, r.target_ref, coalesce(f.fault, r.skip_code) AS failure_code,
       CASE WHEN f.fault IS NULL THEN r.decision ELSE 'failed' END AS decision,
       CASE f.fault WHEN 'payload_schema' THEN array_to_string(iu_core.fn_iu_payload_problems(e.payload, r.payload_schema), '; ')
                    WHEN 'unknown_event_type' THEN 'the type is not registered' END AS failure_detail
FROM iu_core.event_outbox AS e
LEFT JOIN iu_core.v_iu_route_rule AS r ON r.event_type = e.event_type
CROSS JOIN LATERAL (
  SELECT CASE WHEN r.event_type IS NULL THEN 'unknown_event_type'
              WHEN r.payload_predicate IS NOT NULL AND (e.payload @@ r.payload_predicate) IS NOT TRUE THEN 'payload_schema' END AS fault
  OFFSET 0                            -- judged once, not once for each place that reads it
) AS f;
COMMENT ON VIEW iu_core.v_iu_route_decision IS 'What the worker would decide on each event for each of its routes, now: dry_run, live, failed or skipped, with the code';

-- requires: v_iu_route_decision
-- For attempts that can raise (live delivery) and for replays: one at a time, each in its own
-- subtransaction. The common path is fn_iu_route_page.
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_attempt_one(p_worker_code text, p_event_id bigint, p_route_id integer, p_attempt_no integer)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_decision v_iu_route_decision;
  v_at timestamptz;
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
  v_at := clock_timestamp();
  INSERT INTO iu_route_attempt (event_id, route_id, attempt_no, status, failure_code, failure_detail, target_kind, target_ref, worker_code, created_at)
  VALUES (p_event_id, p_route_id, p_attempt_no, v_decision.decision, v_decision.failure_code, v_decision.failure_detail,
          v_decision.target_kind, v_decision.target_ref, p_worker_code, v_at)
  ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  PERFORM fn_iu_route_rollup_add(p_worker_code, v_at, ARRAY[p_route_id], ARRAY[v_decision.decision], ARRAY[1]);
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

-- requires: iu_route_attempt_rollup
CREATE FUNCTION iu_core.fn_iu_route_rollup_add(p_worker_code text, p_at timestamptz, p_route_ids integer[], p_statuses text[], p_counts integer[])
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  INSERT INTO iu_route_attempt_rollup AS t (worker_code, span_start, route_id, status, attempts, last_attempt_at)
  SELECT p_worker_code, span_start, route_id, status, n, p_at
  FROM unnest(p_route_ids, p_statuses, p_counts) AS a(route_id, status, n)
  CROSS JOIN (VALUES ('-infinity'::timestamptz), (date_trunc('hour', p_at, 'UTC'))) AS span(span_start)
  ORDER BY span_start, route_id, status
  ON CONFLICT (worker_code, span_start, route_id, status)
  DO UPDATE SET attempts = t.attempts + excluded.attempts, last_attempt_at = greatest(t.last_attempt_at, excluded.last_attempt_at)
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_rollup_add(text, timestamptz, integer[], text[], integer[]) IS 'Adds counts of attempts made at p_at, one element a route and status, to its hour and to all time';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_rollup_add(text, timestamptz, integer[], text[], integer[]) FROM PUBLIC;

DROP FUNCTION iu_core.fn_iu_route_page(iu_core.iu_route_worker_cursor, xid8, integer);

DROP FUNCTION iu_core.fn_iu_route_rollup_add(text,integer[],text[],integer[]);

DROP FUNCTION iu_core.fn_iu_schema_predicate(jsonb,text,integer);

-- What the old compiler made stays true, and slow.
SELECT iu_core.fn_iu_event_types_recompile();
