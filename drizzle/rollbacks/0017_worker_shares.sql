SET LOCAL search_path = pg_catalog, iu_core, pg_temp;
-- Processes say again that they live: their rows are no history.
SELECT iu_core.fn_iu_refuse_if_history('iu_worker_schedule');
DROP VIEW iu_core.v_iu_worker_process;
DROP VIEW iu_core.v_iu_worker_cursor;
DROP VIEW iu_core.v_iu_route_worker_run;
DROP FUNCTION iu_core.fn_iu_worker_plan();
DROP FUNCTION iu_core.fn_iu_worker_leave(uuid);
DROP FUNCTION iu_core.fn_iu_worker_beat(uuid,text,text,text,integer,text,bigint);
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
DROP FUNCTION iu_core.dot_iu_split_cursor(jsonb,jsonb);
DROP FUNCTION iu_core.fn_iu_cursor_split(text,integer,text,text);
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
$function$;
ALTER FUNCTION fn_iu_route_worker_run(text,integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_worker_run(text,integer) IS 'One pass: gates, claim, next events, one attempt per event and route, dead letters, cursor; all in the caller''s transaction, which must be READ COMMITTED. status: routed, idle (nothing to route, nothing written), busy, worker_gate_closed, master_gate_closed. IU002 bad batch size, IU003 unknown worker, IU011 wrong isolation level';
GRANT EXECUTE ON FUNCTION fn_iu_route_worker_run(text,integer) TO iu_worker;
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_page(p_cursor iu_route_worker_cursor, p_own xid8, p_batch_size integer, p_is_reread boolean, OUT seen integer, OUT last_id bigint, OUT decided_at timestamp with time zone, OUT route_ids integer[], OUT statuses text[], OUT counts integer[], OUT dead_lettered integer, OUT live_events bigint[], OUT live_routes integer[])
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
$function$;
ALTER FUNCTION fn_iu_route_page(iu_route_worker_cursor,xid8,integer,boolean) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_page(iu_route_worker_cursor,xid8,integer,boolean) IS 'Routes one page of the window that the cursor describes; live routes are returned, not attempted. p_own is the caller''s own transaction where it has written, so that it may read its own events. Raises unique_violation where an event was attempted before, unless p_is_reread: then what was is left as it is';
DROP FUNCTION iu_core.dot_iu_join_cursors(jsonb,jsonb);
DROP FUNCTION iu_core.fn_iu_cursor_join(text,text);
DROP FUNCTION iu_core.fn_iu_snapshot_within(pg_snapshot,pg_snapshot);
DROP FUNCTION iu_core.fn_iu_cursor_advance(text[]);
DROP FUNCTION iu_core.fn_iu_cursor_lock(text[]);
DROP FUNCTION iu_core.fn_dot_cursor_object(text);
DROP FUNCTION iu_core.dot_iu_enable_schedule(jsonb,jsonb);
DROP FUNCTION iu_core.dot_iu_disable_schedule(jsonb,jsonb);
DROP FUNCTION iu_core.fn_dot_schedule_switched(boolean,integer,integer,text);
DROP VIEW iu_core.v_iu_worker_schedule;
DROP TABLE iu_core.iu_worker_schedule;
DROP TABLE iu_core.iu_worker_process;
ALTER TABLE iu_core.iu_route_worker_cursor DROP COLUMN reread_id;
