SET LOCAL search_path = pg_catalog, iu_core, pg_temp;
CREATE OR REPLACE FUNCTION iu_core.fn_iu_schema_predicate(p_schema jsonb, p_base text DEFAULT '$'::text, p_depth integer DEFAULT 0)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_known constant text[] := ARRAY['type', 'required', 'properties', 'additionalProperties', 'items', 'enum', 'const', 'minimum', 'maximum',
                                   'exclusiveMinimum', 'exclusiveMaximum', 'pattern', 'title', 'description', 'examples', '$schema'];
  v_types constant text[] := ARRAY['string', 'number', 'integer', 'boolean', 'object', 'array', 'null'];
  v_parts text[] := '{}';
  v_key text;
  v_value jsonb;
  v_list text;
BEGIN
  IF jsonb_typeof(p_schema) IS DISTINCT FROM 'object' OR p_depth > 8 THEN
    RAISE EXCEPTION 'payload_schema: a schema is a JSON object, nested at most 8 deep' USING ERRCODE = 'IU002', COLUMN = 'payload_schema';
  END IF;
  FOR v_key, v_value IN SELECT key, value FROM jsonb_each(p_schema) LOOP
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
        SELECT string_agg(format('exists(%s.keyvalue() ? (@.key == %s))', p_base, to_json(k)), ' && ') INTO v_list FROM jsonb_array_elements_text(v_value) AS k;
        v_parts := v_parts || format('(!(%s.type() == "object") || (%s))', p_base, coalesce(v_list, '1 == 1'));
      WHEN v_key = 'properties' AND jsonb_typeof(v_value) = 'object' THEN
        SELECT string_agg(format('!exists(%s.keyvalue() ? (@.key == %s && !(%s)))', p_base, to_json(key), fn_iu_schema_predicate(value, '@.value', p_depth + 1)), ' && ')
        INTO v_list FROM jsonb_each(v_value);
        v_parts := v_parts || format('(!(%s.type() == "object") || (%s))', p_base, coalesce(v_list, '1 == 1'));
      WHEN v_key = 'additionalProperties' AND jsonb_typeof(v_value) = 'boolean' THEN
        IF NOT v_value::boolean THEN
          SELECT string_agg(format('@.key == %s', to_json(k)), ' || ') INTO v_list FROM jsonb_object_keys(coalesce(p_schema -> 'properties', '{}')) AS k;
          v_parts := v_parts || format('(!(%1$s.type() == "object") || !exists(%1$s.keyvalue() ? (!(%2$s))))', p_base, coalesce(v_list, '1 == 0'));
        END IF;
      WHEN v_key = 'items' AND jsonb_typeof(v_value) = 'object' THEN
        v_parts := v_parts || format('(!(%1$s.type() == "array") || !exists(%1$s[*] ? (!(%2$s))))', p_base, fn_iu_schema_predicate(v_value, '@', p_depth + 1));
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
        v_parts := v_parts || format('(!(%1$s.type() == "number") || %1$s %2$s %3$s)', p_base,
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
$function$;
ALTER FUNCTION fn_iu_schema_predicate(jsonb,text,integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_schema_predicate(jsonb,text,integer) IS 'Compiles a payload schema to the text of a jsonpath predicate over p_base; IU002 for a keyword or value outside the subset';
REVOKE ALL ON FUNCTION fn_iu_schema_predicate(jsonb,text,integer) FROM PUBLIC;
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_rollup_add(p_worker_code text, p_route_ids integer[], p_statuses text[], p_counts integer[])
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  INSERT INTO iu_route_attempt_rollup AS t (worker_code, span_start, route_id, status, attempts, last_attempt_at)
  SELECT p_worker_code, span_start, route_id, status, n, clock_timestamp()
  FROM unnest(p_route_ids, p_statuses, p_counts) AS a(route_id, status, n)
  CROSS JOIN (VALUES ('-infinity'::timestamptz), (date_trunc('hour', clock_timestamp(), 'UTC'))) AS span(span_start)
  ORDER BY span_start, route_id, status
  ON CONFLICT (worker_code, span_start, route_id, status)
  DO UPDATE SET attempts = t.attempts + excluded.attempts, last_attempt_at = excluded.last_attempt_at
$function$;
ALTER FUNCTION fn_iu_route_rollup_add(text,integer[],text[],integer[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_rollup_add(text,integer[],text[],integer[]) IS 'Adds counts of attempts, one element a route and status, to the hour and to all time';
REVOKE ALL ON FUNCTION fn_iu_route_rollup_add(text,integer[],text[],integer[]) FROM PUBLIC;
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_page(p_cursor iu_route_worker_cursor, p_own xid8, p_batch_size integer, OUT seen integer, OUT last_id bigint, OUT route_ids integer[], OUT statuses text[], OUT counts integer[], OUT dead_lettered integer, OUT live_events bigint[], OUT live_routes integer[])
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
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
  SELECT (SELECT count(*) FROM page), (SELECT max(id) FROM page), a.route_ids, a.statuses, a.counts, (SELECT count(*) FROM dead), l.events, l.routes
  INTO seen, last_id, route_ids, statuses, counts, dead_lettered, live_events, live_routes
  FROM (SELECT coalesce(array_agg(route_id), '{}') AS route_ids, coalesce(array_agg(status), '{}') AS statuses, coalesce(array_agg(n), '{}') AS counts
        FROM (SELECT route_id, status, count(*)::integer AS n FROM attempted GROUP BY route_id, status) AS counted) AS a
  CROSS JOIN (SELECT coalesce(array_agg(event_id ORDER BY event_id, route_id), '{}') AS events, coalesce(array_agg(route_id ORDER BY event_id, route_id), '{}') AS routes
              FROM decided AS d
              -- A delivery cannot be taken back by a conflict: what was attempted once is left to replays.
              WHERE decision = 'live' AND NOT EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = d.event_id AND a.route_id = d.route_id)) AS l;
END
$function$;
ALTER FUNCTION fn_iu_route_page(iu_route_worker_cursor,xid8,integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_page(iu_route_worker_cursor,xid8,integer) IS 'Routes one page of the window that the cursor describes; live routes are returned, not attempted. p_own is the caller''s own transaction where it has written, so that it may read its own events';
REVOKE ALL ON FUNCTION fn_iu_route_page(iu_route_worker_cursor,xid8,integer) FROM PUBLIC;
DROP FUNCTION iu_core.fn_iu_route_rollup_add(text,timestamp with time zone,integer[],text[],integer[]);
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_attempt_one(p_worker_code text, p_event_id bigint, p_route_id integer, p_attempt_no integer)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
  PERFORM fn_iu_route_rollup_add(p_worker_code, ARRAY[p_route_id], ARRAY[v_decision.decision], ARRAY[1]);
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
$function$;
ALTER FUNCTION fn_iu_route_attempt_one(text,bigint,integer,integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_attempt_one(text,bigint,integer,integer) IS 'Decides, attempts and writes down one event on one route; a failure is dead-lettered. Returns the status, or null when that attempt was already there';
CREATE OR REPLACE VIEW iu_core.v_iu_route_decision AS
 SELECT e.id AS event_id,
    COALESCE(r.id, 0) AS route_id,
    r.target_kind,
    r.target_ref,
    d.failure_code,
        CASE
            WHEN (d.failure_code = ANY (ARRAY['route_disabled'::text, 'no_route'::text])) THEN 'skipped'::text
            WHEN (d.failure_code IS NOT NULL) THEN 'failed'::text
            WHEN r.dry_run THEN 'dry_run'::text
            ELSE 'live'::text
        END AS decision,
        CASE
            WHEN (d.failure_code = 'payload_schema'::text) THEN array_to_string(fn_iu_payload_problems(e.payload, t.payload_schema), '; '::text)
            WHEN (d.failure_code = 'unknown_event_type'::text) THEN 'the type is not registered'::text
            ELSE NULL::text
        END AS failure_detail
   FROM ((((event_outbox e
     LEFT JOIN iu_event_type t ON ((t.event_type = e.event_type)))
     CROSS JOIN LATERAL ( SELECT
                CASE
                    WHEN (t.event_type IS NULL) THEN 'unknown_event_type'::text
                    WHEN (t.payload_schema = '{}'::jsonb) THEN NULL::text
                    WHEN ((e.payload @@ t.payload_predicate) IS NOT TRUE) THEN 'payload_schema'::text
                    ELSE NULL::text
                END AS fault
         OFFSET 0) p)
     LEFT JOIN iu_outbound_route r ON ((r.event_type = e.event_type)))
     CROSS JOIN LATERAL ( SELECT
                CASE
                    WHEN (NOT r.enabled) THEN 'route_disabled'::text
                    WHEN (p.fault IS NOT NULL) THEN p.fault
                    WHEN (r.id IS NULL) THEN 'no_route'::text
                    ELSE NULL::text
                END AS failure_code
         OFFSET 0) d);
ALTER VIEW v_iu_route_decision OWNER TO iu_owner;
COMMENT ON VIEW v_iu_route_decision IS 'What the worker would decide on each event for each of its routes, now: dry_run, live, failed or skipped, with the code';
DROP VIEW iu_core.v_iu_route_rule;
DROP FUNCTION iu_core.fn_iu_event_types_recompile();
DROP FUNCTION iu_core.fn_iu_schema_compile(jsonb);
DROP FUNCTION iu_core.fn_iu_schema_predicate(jsonb,boolean,text,integer);
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_worker_run(p_worker_code text, p_batch_size integer DEFAULT 1000)
 RETURNS TABLE(status text, seen integer, attempts_written integer, skipped integer, dead_lettered integer)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
  FOR i IN 1 .. cardinality(v_page.counts) LOOP
    attempts_written := attempts_written + v_page.counts[i];
    skipped := skipped + CASE v_page.statuses[i] WHEN 'skipped' THEN v_page.counts[i] ELSE 0 END;
  END LOOP;
  IF cardinality(v_page.counts) > 0 THEN
    PERFORM fn_iu_route_rollup_add(p_worker_code, v_page.route_ids, v_page.statuses, v_page.counts);
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
$function$;
ALTER FUNCTION fn_iu_route_worker_run(text,integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_worker_run(text,integer) IS 'One pass: gates, claim, next events, one attempt per event and route, dead letters, cursor; all in the caller''s transaction, which must be READ COMMITTED. status: routed, idle (nothing to route, nothing written), busy, worker_gate_closed, master_gate_closed. IU002 bad batch size, IU003 unknown worker, IU011 wrong isolation level';
GRANT EXECUTE ON FUNCTION fn_iu_route_worker_run(text,integer) TO iu_worker;
DROP FUNCTION iu_core.fn_iu_route_page(iu_route_worker_cursor,xid8,integer,boolean);
CREATE OR REPLACE FUNCTION iu_core.fn_iu_event_types_register(p_event_domain text, p_delivery_lane text, p_is_system boolean, p_types jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
            ('strict ' || fn_iu_schema_predicate(coalesce(v_entry -> 'payload_schema', '{}')))::jsonpath, p_is_system, v_entry ->> 'description', fn_iu_actor())
    ON CONFLICT (event_type) DO UPDATE
    SET event_domain = excluded.event_domain, delivery_lane = excluded.delivery_lane, payload_schema = excluded.payload_schema,
        payload_predicate = excluded.payload_predicate, description = excluded.description,
        registered_at = clock_timestamp(), registered_by = fn_iu_actor()
    WHERE (iu_event_type.event_domain, iu_event_type.delivery_lane, iu_event_type.payload_schema, iu_event_type.payload_predicate::text, iu_event_type.description)
      IS DISTINCT FROM (excluded.event_domain, excluded.delivery_lane, excluded.payload_schema, excluded.payload_predicate::text, excluded.description);
  END LOOP;
END
$function$;
ALTER FUNCTION fn_iu_event_types_register(text,text,boolean,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_event_types_register(text,text,boolean,jsonb) IS 'Registers event types of one domain and lane: {"type": {"description": text, "payload_schema": schema}}; again with the same content changes nothing. IU002 for an unclassified domain or a schema outside the subset, IU008 for a name of the other side';
ALTER TABLE iu_core.iu_route_attempt
  DROP CONSTRAINT iu_route_attempt_status_chk,
  ADD CONSTRAINT iu_route_attempt_status_chk CHECK (status IN ('dry_run', 'sent', 'failed', 'skipped')),
  ADD CONSTRAINT iu_route_attempt_failure_chk CHECK ((status IN ('failed', 'skipped')) = (failure_code IS NOT NULL));
COMMENT ON COLUMN iu_core.iu_event_type.payload_predicate IS 'the schema compiled to one strict jsonpath predicate, so that a batch is checked set-wise';
-- Registered again, each type is compiled by the compiler that is back.
SELECT iu_core.fn_iu_event_types_register(event_domain, delivery_lane, is_system, jsonb_object_agg(event_type, jsonb_build_object('description', description, 'payload_schema', payload_schema)))
FROM iu_core.iu_event_type GROUP BY event_domain, delivery_lane, is_system;
