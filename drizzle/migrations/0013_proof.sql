-- unit: schema

-- requires: dot_config, fn_iu_gate_repair, fn_iu_gate_set
-- Whoever is at a gate this moment goes first: the probe does not wait for them, and holds the row for the
-- few milliseconds of a scenario only.
CREATE FUNCTION iu_core.fn_iu_probe_gates(p_gates text[], p_open boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_gate text;
BEGIN
  FOREACH v_gate IN ARRAY p_gates LOOP
    CONTINUE WHEN fn_iu_gate_is_open(v_gate) = p_open;
    PERFORM FROM dot_config WHERE key = v_gate FOR UPDATE NOWAIT;
    PERFORM fn_iu_gate_repair(v_gate);
    PERFORM fn_iu_gate_set(v_gate, p_open, 'iu_probe');
  END LOOP;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_probe_gates(text[], boolean) IS 'Gates as a scenario of the probe needs them, until its subtransaction is taken back; 55P03 where somebody else is at one';
REVOKE ALL ON FUNCTION iu_core.fn_iu_probe_gates(text[], boolean) FROM PUBLIC;

-- requires: fn_iu_probe_gates, fn_iu_event_types_register, fn_iu_routes_register
-- Names with the transaction's id, so that two probes at once never meet on a row.
CREATE FUNCTION iu_core.fn_iu_probe_world()
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_name constant text := 'iu_probe.x' || pg_current_xact_id();
BEGIN
  PERFORM fn_iu_probe_gates('{iu_core.route_worker_enabled,iu_core.routes_master_enabled}', true);
  PERFORM fn_iu_event_types_register('application', 'delayed', false, jsonb_build_object(
    v_name || '.plain', '{"description": "iu_probe: two routes"}'::jsonb,
    v_name || '.off', '{"description": "iu_probe: its route is disabled"}'::jsonb,
    v_name || '.unwanted', '{"description": "iu_probe: no route"}'::jsonb,
    v_name || '.live', '{"description": "iu_probe: its route is made live"}'::jsonb,
    v_name || '.strict', '{"description": "iu_probe: a payload with a schema", "payload_schema": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}}'::jsonb));
  PERFORM fn_iu_event_types_register('application', 'immediate', false, jsonb_build_object(v_name || '.once', '{"description": "iu_probe: deduplicated by key"}'::jsonb));
  PERFORM fn_iu_routes_register((
    SELECT jsonb_object_agg(v_name || r.code, jsonb_build_object('event_type', v_name || r.type, 'target_kind', 'log', 'target_ref', 'iu_probe', 'enabled', r.enabled))
    FROM (VALUES ('.plain.a', '.plain', true), ('.plain.b', '.plain', true), ('.off', '.off', false), ('.live', '.live', true), ('.strict', '.strict', true)) AS r(code, type, enabled)));
  RETURN v_name;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_probe_world() IS 'Event types and routes of the probe''s own, and open gates, until the scenario''s subtransaction is taken back; returns the name they begin with';
REVOKE ALL ON FUNCTION iu_core.fn_iu_probe_world() FROM PUBLIC;

-- requires: fn_iu_emit_event
CREATE FUNCTION iu_core.fn_iu_probe_emit(p_event_types text[], p_payload jsonb DEFAULT '{"n": 1}')
RETURNS bigint[]
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_ids bigint[] := '{}';
BEGIN
  FOR i IN 1 .. cardinality(p_event_types) LOOP
    v_ids := v_ids || fn_iu_emit_event(p_event_types[i], 'iu_probe', format('iu_probe/%s', i), p_payload);
  END LOOP;
  RETURN v_ids;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_probe_emit(text[], jsonb) IS 'Emits an event of each type with the probe''s marker; returns their ids';
REVOKE ALL ON FUNCTION iu_core.fn_iu_probe_emit(text[], jsonb) FROM PUBLIC;

-- requires: fn_iu_route_page, fn_iu_route_attempt_one, fn_iu_route_rollup_add
-- What fn_iu_route_worker_run does between its lock and its cursor, with a cursor that stands in no table: its
-- window is empty but for the caller's own events after p_after. So neither the live worker's lock is taken
-- nor anybody else's event routed.
CREATE FUNCTION iu_core.fn_iu_probe_pass(p_after bigint, OUT seen integer, OUT attempts_written integer, OUT dead_lettered integer, OUT last_id bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_cursor iu_route_worker_cursor;
  v_page record;
  v_status text;
BEGIN
  v_cursor.worker_code := 'iu_probe';
  v_cursor.bucket_from := 0; v_cursor.bucket_to := 15;
  v_cursor.system_identifier := fn_iu_system_identifier();
  v_cursor.snap_from := pg_current_snapshot(); v_cursor.snap_to := v_cursor.snap_from;
  -- Above every id there is: the two other parts of the window have nothing to look through.
  v_cursor.floor_id := pg_sequence_last_value('iu_core.event_outbox_id_seq'); v_cursor.floor_to_id := v_cursor.floor_id;
  v_cursor.trusted_id := 0; v_cursor.last_id := v_cursor.floor_id;
  v_cursor.own_xid := pg_current_xact_id(); v_cursor.own_last_id := p_after;
  BEGIN
    v_page := fn_iu_route_page(v_cursor, pg_current_xact_id(), 1000, false);
  EXCEPTION WHEN unique_violation THEN
    v_page := fn_iu_route_page(v_cursor, pg_current_xact_id(), 1000, true);
  END;
  seen := v_page.seen;
  last_id := coalesce(v_page.last_id, p_after);
  attempts_written := coalesce((SELECT sum(n) FROM unnest(v_page.counts) AS n), 0);
  dead_lettered := v_page.dead_lettered;
  FOR i IN 1 .. cardinality(v_page.live_events) LOOP
    v_status := fn_iu_route_attempt_one('iu_probe', v_page.live_events[i], v_page.live_routes[i], 1);
    attempts_written := attempts_written + CASE WHEN v_status IS NULL THEN 0 ELSE 1 END;
    dead_lettered := dead_lettered + CASE WHEN v_status = 'failed' THEN 1 ELSE 0 END;
  END LOOP;
  PERFORM fn_iu_route_rollup_add('iu_probe', v_page.decided_at, v_page.route_ids, v_page.statuses, v_page.counts);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_probe_pass(bigint) IS 'Routes the caller''s own events with ids above p_after, and nobody else''s; gates are not asked';
REVOKE ALL ON FUNCTION iu_core.fn_iu_probe_pass(bigint) FROM PUBLIC;

-- requires: fn_iu_probe_world, fn_iu_probe_emit, fn_iu_probe_pass, fn_iu_create, fn_iu_apply_versions, fn_iu_held_release, fn_iu_route_dead_letter_replay
-- Does what the scenario is about, for real, and says what came of it. fn_iu_probe takes it back.
CREATE FUNCTION iu_core.fn_iu_probe_scenario(p_scenario text)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_gates constant text[] := '{iu_core.route_worker_enabled,iu_core.routes_master_enabled}';
  v_before constant bigint := coalesce(pg_sequence_last_value('iu_core.event_outbox_id_seq'), 0);
  v_name constant text := fn_iu_probe_world();
  v_worker constant text := (SELECT worker_code FROM iu_route_worker_cursor ORDER BY bucket_from LIMIT 1);
  v_found jsonb := '{}';
  v_ids bigint[];
  v_pass record;
  v_replay record;
  v_id bigint;
BEGIN
  CASE p_scenario
    WHEN 'A' THEN
      v_ids := fn_iu_probe_emit(ARRAY[v_name || '.plain', v_name || '.plain', v_name || '.plain']);
      v_id := fn_iu_emit_event(v_name || '.once', 'iu_probe', 'iu_probe/once', '{}', 'key');
      v_found := jsonb_build_object(
        'events', (SELECT count(*) FROM event_outbox WHERE id = ANY (v_ids) AND delivery_lane = 'delayed' AND event_subject_table = 'iu_probe'),
        'in_order', (SELECT bool_and(a < b) FROM unnest(v_ids[:2], v_ids[2:]) AS pair(a, b)),
        'repeat_is_the_first', fn_iu_emit_event(v_name || '.once', 'iu_probe', 'iu_probe/once', '{}', 'key') = v_id,
        'unknown_type', fn_iu_probe_refusal(format('SELECT iu_core.fn_iu_emit_event(%L, %L, %L, %L)', v_name || '.none', 'iu_probe', 'iu_probe/x', '{}')),
        'system_type', fn_iu_probe_refusal(format('SELECT iu_core.fn_iu_emit_event(%L, %L, %L, %L)', 'iu.created', 'iu_probe', 'iu_probe/x', '{}')),
        'rewriting', fn_iu_probe_refusal(format('UPDATE iu_core.event_outbox SET payload = %L WHERE id = %s', 'null', v_id)));
      PERFORM fn_iu_probe_gates('{iu_core.composer_enabled}', true);
      v_id := fn_iu_create(replace(v_name, '.', '/'), 'text', 'one');
      PERFORM fn_iu_apply_versions(ARRAY[v_id], ARRAY['two']);
      v_found := v_found || jsonb_build_object('of_a_unit', (
        SELECT jsonb_agg(event_type ORDER BY id) FROM event_outbox WHERE id > v_before AND xid = pg_current_xact_id() AND event_subject_table = 'information_unit'));

    WHEN 'B' THEN
      PERFORM fn_iu_probe_emit(ARRAY[v_name || '.plain', v_name || '.off', v_name || '.unwanted']);
      v_pass := fn_iu_probe_pass(v_before);
      v_found := jsonb_build_object('seen', v_pass.seen, 'attempts', v_pass.attempts_written, 'dead_letters', v_pass.dead_lettered,
        'rolled_up', (SELECT sum(attempts) FROM iu_route_attempt_rollup WHERE worker_code = 'iu_probe' AND span_start = '-infinity')) || fn_iu_probe_outcomes(v_before);

    WHEN 'C', 'D' THEN
      PERFORM fn_iu_probe_emit(ARRAY[v_name || '.plain', v_name || '.off', v_name || '.unwanted']);
      v_pass := fn_iu_probe_pass(v_before);
      v_found := jsonb_build_object('first_seen', v_pass.seen);
      -- Where the first pass ended, or back where it began.
      v_pass := fn_iu_probe_pass(CASE p_scenario WHEN 'C' THEN v_pass.last_id ELSE v_before END);
      v_found := v_found || jsonb_build_object('seen', v_pass.seen, 'attempts', v_pass.attempts_written) || fn_iu_probe_outcomes(v_before);

    WHEN 'E' THEN
      v_found := jsonb_build_object('unapproved_live_route', fn_iu_probe_refusal(format('UPDATE iu_core.iu_outbound_route SET dry_run = false WHERE route_code = %L', v_name || '.live')));
      UPDATE iu_outbound_route SET dry_run = false, approval_digest = definition_digest WHERE route_code = v_name || '.live';
      PERFORM fn_iu_probe_emit(ARRAY[v_name || '.live', v_name || '.strict'], '{"n": "no number"}');
      v_pass := fn_iu_probe_pass(v_before);
      v_found := v_found || jsonb_build_object('seen', v_pass.seen, 'dead_letters', v_pass.dead_lettered,
        'open', (SELECT count(*) FROM v_iu_route_dead_letter_open WHERE event_id > v_before AND event_subject_table = 'iu_probe')) || fn_iu_probe_outcomes(v_before);

    WHEN 'F' THEN
      UPDATE iu_outbound_route SET dry_run = false, approval_digest = definition_digest WHERE route_code = v_name || '.live';
      PERFORM fn_iu_probe_emit(ARRAY[v_name || '.live', v_name || '.strict'], '{"n": "no number"}');
      PERFORM fn_iu_probe_pass(v_before);
      UPDATE iu_outbound_route SET dry_run = true, approval_digest = NULL WHERE route_code = v_name || '.live';
      SELECT id INTO STRICT v_id FROM iu_route_dead_letter WHERE event_id > v_before AND event_type = v_name || '.live' AND status = 'open';
      SELECT * INTO v_replay FROM fn_iu_route_dead_letter_replay(v_id);
      v_found := jsonb_build_object('mended', v_replay.status, 'decision', v_replay.decision, 'attempt_no', v_replay.attempt_no,
        'letter', (SELECT status FROM iu_route_dead_letter WHERE id = v_id),
        'once_more', (SELECT status FROM fn_iu_route_dead_letter_replay(v_id)));
      SELECT id INTO STRICT v_id FROM iu_route_dead_letter WHERE event_id > v_before AND event_type = v_name || '.strict' AND status = 'open';
      v_found := v_found || jsonb_build_object('still_broken', (SELECT status FROM fn_iu_route_dead_letter_replay(v_id)), 'its_letter', (SELECT status FROM iu_route_dead_letter WHERE id = v_id));

    WHEN 'G' THEN
      v_ids := fn_iu_probe_emit(ARRAY[v_name || '.strict', v_name || '.plain']);
      v_ids := v_ids || fn_iu_probe_emit(ARRAY[v_name || '.strict'], '{}');
      v_pass := fn_iu_probe_pass(v_before);
      v_id := (fn_iu_probe_emit(ARRAY[v_name || '.unwanted']))[1];
      v_found := jsonb_build_object(
        'summary', (SELECT jsonb_object_agg(status, attempts) FROM v_iu_route_attempt_summary WHERE route_code = v_name || '.strict'),
        'dead_letters', (SELECT count(*) FROM v_iu_route_dead_letter_open WHERE route_code = v_name || '.strict'),
        'decided', (SELECT count(DISTINCT event_id) FROM v_iu_route_attempt WHERE event_id = ANY (v_ids)),
        -- A backlog is counted to 10,001; behind a longer one the event is not in it.
        'waiting', coalesce((SELECT sum(pending) FROM v_iu_event_backlog WHERE event_type = v_name || '.unwanted'),
                            (SELECT 1 FROM v_iu_event_backlog GROUP BY worker_code HAVING sum(pending) > 10000 LIMIT 1)),
        'claimed', (SELECT count(*) FROM v_iu_event_claim WHERE event_id = v_id AND NOT is_passed))
        || (SELECT jsonb_build_object('workers', count(*) - (SELECT count(*) FROM iu_route_worker_cursor), 'health_says_why', bool_and(healthy = (reasons = '{}') AND array_to_string(reasons, '; ') ~ 'open dead letter'))
            FROM v_iu_route_worker_health);

    WHEN 'H' THEN
      v_ids := fn_iu_probe_emit(ARRAY[v_name || '.strict'], '{}');
      PERFORM fn_iu_probe_pass(v_before);
      SELECT id INTO STRICT v_id FROM iu_route_dead_letter WHERE event_id = v_ids[1] AND status = 'open';
      PERFORM fn_iu_probe_gates(v_gates[1:1], false);
      v_found := jsonb_build_object('worker_gate', (SELECT status FROM fn_iu_route_worker_run(v_worker)), 'replay', (SELECT status FROM fn_iu_route_dead_letter_replay(v_id)));
      DELETE FROM dot_config WHERE key = v_gates[1];
      v_found := v_found || jsonb_build_object('missing_row', (SELECT status FROM fn_iu_route_worker_run(v_worker)));
      PERFORM fn_iu_probe_gates(v_gates[1:1], true);
      PERFORM fn_iu_probe_gates(v_gates[2:2], false);
      v_ids := fn_iu_probe_emit(ARRAY[v_name || '.plain']);
      v_pass := fn_iu_probe_pass(v_ids[1] - 1);
      v_found := v_found || jsonb_build_object('master_gate', (SELECT status FROM fn_iu_route_worker_run(v_worker)),
        'lane', (SELECT delivery_lane FROM event_outbox WHERE id = v_ids[1]), 'seen', v_pass.seen,
        'release', fn_iu_probe_refusal(format('SELECT iu_core.fn_iu_held_release(ARRAY[%s])', v_ids[1])));
      PERFORM fn_iu_probe_gates(v_gates[2:2], true);
      v_found := v_found || jsonb_build_object('released', (SELECT count(*) FROM fn_iu_held_release(v_ids)), 'seen_then', (fn_iu_probe_pass(v_ids[1])).seen);
  END CASE;
  RETURN v_found;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_probe_scenario(text) IS 'One scenario of the probe, A to H: what was found. It writes; fn_iu_probe is the one caller, and takes it back';
REVOKE ALL ON FUNCTION iu_core.fn_iu_probe_scenario(text) FROM PUBLIC;

-- requires: fn_iu_probe_scenario
-- Each scenario ends by raising, so that its rows go and its locks with them before the next begins: nobody
-- waits for more than one scenario, and it for nobody longer than a fifth of a second.
CREATE FUNCTION iu_core.fn_iu_probe()
RETURNS TABLE (scenario text, name text, status text, expected jsonb, actual jsonb, detail text, ms numeric)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET lock_timeout = '200ms'
AS $$
DECLARE
  v_deadline constant timestamptz := clock_timestamp() + interval '4 seconds';
  v_started timestamptz;
  v_gates text;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'a probe needs READ COMMITTED, not %', upper(current_setting('transaction_isolation')) USING ERRCODE = 'IU011';
  END IF;
  FOR scenario, name, expected IN VALUES
    ('A', 'Events are written, in order and once, and only those that may be',
     '{"events": 3, "in_order": true, "repeat_is_the_first": true, "unknown_type": "IU007", "system_type": "IU008", "rewriting": "IU005", "of_a_unit": ["iu.created", "iu.version_applied"]}'::jsonb),
    ('B', 'A pass decides every event for every route, and delivers nothing',
     '{"seen": 3, "attempts": 4, "dry_run": 2, "route_disabled": 1, "no_route": 1, "dead_letters": 0, "rolled_up": 4}'),
    ('C', 'The next pass finds nothing new', '{"first_seen": 3, "seen": 0, "attempts": 0, "dry_run": 2, "route_disabled": 1, "no_route": 1}'),
    ('D', 'A cursor set back reads again and decides nothing twice', '{"first_seen": 3, "seen": 3, "attempts": 0, "dry_run": 2, "route_disabled": 1, "no_route": 1}'),
    ('E', 'Live delivery fails closed, and what failed becomes a dead letter',
     '{"unapproved_live_route": "23514", "seen": 2, "worker_process_error": 1, "payload_schema": 1, "dead_letters": 2, "open": 2}'),
    ('F', 'A dead letter is replayed once; what is still broken stays open',
     '{"mended": "replayed", "decision": "dry_run", "attempt_no": 2, "letter": "replayed", "once_more": "already_resolved", "still_broken": "failed_again", "its_letter": "open"}'),
    ('G', 'Health and the views tell all of it',
     '{"summary": {"dry_run": 1, "failed": 1}, "dead_letters": 1, "decided": 3, "waiting": 1, "claimed": 1, "workers": 0, "health_says_why": true}'),
    ('H', 'A gate that is closed or missing stops; what is held is released',
     '{"worker_gate": "worker_gate_closed", "replay": "worker_gate_closed", "missing_row": "worker_gate_closed", "master_gate": "master_gate_closed", "lane": "held", "seen": 0, "release": "IU001", "released": 1, "seen_then": 1}')
  LOOP
    v_started := clock_timestamp();
    actual := NULL; detail := NULL;
    SELECT string_agg(g::text, chr(10) ORDER BY g.key) INTO v_gates FROM dot_config AS g;
    IF v_started > v_deadline THEN
      status := 'not_run'; detail := 'its time was up';
    ELSE
      BEGIN
        actual := fn_iu_probe_scenario(scenario);
        RAISE EXCEPTION 'taken back' USING ERRCODE = 'XPLAN';
      EXCEPTION
        WHEN SQLSTATE 'XPLAN' THEN
          status := CASE WHEN actual = expected THEN 'passed' ELSE 'failed' END;
        WHEN serialization_failure OR deadlock_detected OR lock_not_available THEN
          status := 'not_run'; detail := 'busy: somebody else is at a row that it needs';
        WHEN OTHERS THEN
          status := 'failed'; detail := format('%s (%s)', SQLERRM, SQLSTATE);
      END;
      IF status = 'failed' AND v_gates IS DISTINCT FROM (SELECT string_agg(g::text, chr(10) ORDER BY g.key) FROM dot_config AS g) THEN
        status := 'not_run'; detail := 'busy: a gate was changed meanwhile';
      END IF;
    END IF;
    ms := round(extract(epoch FROM clock_timestamp() - v_started) * 1000, 1);
    RETURN NEXT;
  END LOOP;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_probe() IS 'The eight scenarios A to H against the live schema, each in a subtransaction that is taken back: passed, failed, or not_run where somebody else is at a gate or the time is up. IU011 wrong isolation level';
REVOKE ALL ON FUNCTION iu_core.fn_iu_probe() FROM PUBLIC;

-- requires: event_outbox, information_unit, unit_version, dot_config, iu_event_type, iu_held_decision, iu_outbound_route, iu_route_attempt, iu_route_attempt_rollup, iu_route_dead_letter, iu_route_worker_cursor, iu_route_worker_run
-- What is named is looked for by name. What is numbered, among the numbers that were drawn while the probe
-- ran: an index finds them however long the history is. An attempt or dead letter whose event is not there
-- counts too, whatever it is marked with.
CREATE FUNCTION iu_core.fn_iu_probe_left(p_drawn jsonb)
RETURNS TABLE (relation text, left_rows bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH drawn AS (
    SELECT (p_drawn -> 'event_outbox' ->> 0)::bigint AS event_after, (p_drawn -> 'event_outbox' ->> 1)::bigint AS event_to,
           (p_drawn -> 'iu_route_dead_letter' ->> 0)::bigint AS letter_after, (p_drawn -> 'iu_route_dead_letter' ->> 1)::bigint AS letter_to,
           (p_drawn -> 'iu_route_worker_run' ->> 0)::bigint AS run_after, (p_drawn -> 'iu_route_worker_run' ->> 1)::bigint AS run_to
  )
  SELECT 'event_outbox', count(*) FROM drawn JOIN event_outbox AS e ON e.id > event_after AND e.id <= event_to
  WHERE e.event_subject_table = 'iu_probe' OR starts_with(e.event_type, 'iu_probe.') OR starts_with(e.event_subject_ref, 'iu_probe/')
  UNION ALL
  SELECT 'iu_held_decision', count(*) FROM drawn JOIN iu_held_decision AS h ON h.event_id > event_after AND h.event_id <= event_to
  JOIN event_outbox AS e ON e.id = h.event_id WHERE e.event_subject_table = 'iu_probe'
  UNION ALL
  SELECT 'iu_route_attempt', count(*) FROM drawn JOIN iu_route_attempt AS a ON a.event_id > event_after AND a.event_id <= event_to
  WHERE a.worker_code = 'iu_probe' OR a.target_ref = 'iu_probe' OR NOT EXISTS (SELECT FROM event_outbox AS e WHERE e.id = a.event_id)
  UNION ALL
  SELECT 'iu_route_dead_letter', count(*) FROM drawn JOIN iu_route_dead_letter AS d ON d.id > letter_after AND d.id <= letter_to
  WHERE d.event_subject_table = 'iu_probe' OR NOT EXISTS (SELECT FROM event_outbox AS e WHERE e.id = d.event_id)
  UNION ALL
  SELECT 'iu_route_worker_run', count(*) FROM drawn JOIN iu_route_worker_run AS r ON r.id > run_after AND r.id <= run_to WHERE r.worker_code = 'iu_probe'
  UNION ALL
  SELECT 'iu_route_attempt_rollup', count(*) FROM iu_route_attempt_rollup AS t
  WHERE t.worker_code = 'iu_probe' OR t.route_id <> 0 AND NOT EXISTS (SELECT FROM iu_outbound_route AS r WHERE r.id = t.route_id)
  UNION ALL
  SELECT 'iu_route_worker_cursor', count(*) FROM iu_route_worker_cursor WHERE worker_code = 'iu_probe'
  UNION ALL
  SELECT 'iu_event_type', count(*) FROM iu_event_type WHERE event_type >= 'iu_probe.' AND event_type < 'iu_probe/'
  UNION ALL
  SELECT 'iu_outbound_route', count(*) FROM iu_outbound_route WHERE route_code >= 'iu_probe.' AND route_code < 'iu_probe/'
  UNION ALL
  SELECT 'information_unit', count(*) FROM information_unit WHERE canonical_address >= 'iu_probe/' AND canonical_address < 'iu_probe0'
  UNION ALL
  SELECT 'unit_version', count(*) FROM information_unit AS u JOIN unit_version AS v ON v.unit_id = u.id WHERE u.canonical_address >= 'iu_probe/' AND u.canonical_address < 'iu_probe0'
  UNION ALL
  SELECT 'dot_config', count(*) FROM dot_config WHERE reason = 'iu_probe'
$$;
COMMENT ON FUNCTION iu_core.fn_iu_probe_left(jsonb) IS 'Rows with the probe''s marker, for each table that could have one: by name, and among the numbers that were drawn while it ran, {"table": [after, to]}';
REVOKE ALL ON FUNCTION iu_core.fn_iu_probe_left(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_probe_left(jsonb) TO iu_reader;

-- requires: fn_iu_probe, fn_iu_probe_left, iu_core
-- No gate is asked for: what it does is taken back before it returns, and it is wanted most when all is closed.
CREATE FUNCTION iu_core.dot_iu_run_probe(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_started constant timestamptz := clock_timestamp();
  v_numbered constant text[] := '{event_outbox,iu_route_dead_letter,iu_route_worker_run}';
  v_before jsonb;
  v_drawn jsonb;
  v_scenarios jsonb;
  v_passed integer;
  v_count integer;
BEGIN
  SELECT jsonb_object_agg(t, coalesce(pg_sequence_last_value(format('iu_core.%s_id_seq', t)::regclass), 0)) INTO v_before FROM unnest(v_numbered) AS t;
  SELECT jsonb_agg(jsonb_strip_nulls(to_jsonb(p) || jsonb_build_object('kind', 'probe', 'name', format('%s: %s', scenario, name))) ORDER BY scenario), count(*) FILTER (WHERE status = 'passed'), count(*) INTO v_scenarios, v_passed, v_count FROM fn_iu_probe() AS p;
  SELECT jsonb_object_agg(t, jsonb_build_array(v_before -> t, coalesce(pg_sequence_last_value(format('iu_core.%s_id_seq', t)::regclass), 0))) INTO v_drawn FROM unnest(v_numbered) AS t;
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'result', jsonb_build_object('passed', v_passed, 'scenarios', v_count, 'ms', round(extract(epoch FROM clock_timestamp() - v_started) * 1000, 1)),
    'notes', (SELECT coalesce(jsonb_agg(format('%s (%s)', s ->> 'name', replace(s ->> 'status', '_', ' ')) ORDER BY n), '[]')
              FROM jsonb_array_elements(v_scenarios) WITH ORDINALITY AS x(s, n) WHERE s ->> 'status' <> 'passed'),
    'checks', v_scenarios || jsonb_build_array(jsonb_build_object('name', 'nothing_is_left', 'kind', 'probe_left', 'drawn', v_drawn)),
    'irreversible', 'Everything it did is taken back already.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_run_probe(jsonb, jsonb) IS 'Runs the eight scenarios, taken back one by one, and returns what each found';
REVOKE ALL ON FUNCTION iu_core.dot_iu_run_probe(jsonb, jsonb) FROM PUBLIC;

-- requires: event_outbox, fn_iu_probe_left, information_unit, iu_account, iu_api_token, iu_collection, iu_collection_checkpoint, iu_collection_piece, iu_core, iu_held_decision, iu_outbound_route, iu_relation, iu_route_attempt, iu_route_dead_letter, iu_route_worker_run, iu_unit_axis, unit_version
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
      SELECT jsonb_build_object('attempts', count(*)) INTO v_have FROM iu_route_attempt WHERE (event_id, route_id, attempt_no) = ((c ->> 'event')::bigint, (c ->> 'route')::integer, (c ->> 'attempt_no')::integer);
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

-- requires: iu_route_attempt, event_outbox
CREATE FUNCTION iu_core.fn_iu_probe_outcomes(p_after bigint)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT coalesce(jsonb_object_agg(outcome, n), '{}')
  FROM (SELECT coalesce(a.failure_code, a.status) AS outcome, count(*) AS n
        FROM event_outbox AS e JOIN iu_route_attempt AS a ON a.event_id = e.id
        WHERE e.id > p_after AND e.xid = pg_current_xact_id_if_assigned() GROUP BY 1) AS counted
$$;
COMMENT ON FUNCTION iu_core.fn_iu_probe_outcomes(bigint) IS 'What became of the caller''s own events with ids above p_after: attempts by outcome';
REVOKE ALL ON FUNCTION iu_core.fn_iu_probe_outcomes(bigint) FROM PUBLIC;

CREATE FUNCTION iu_core.fn_iu_probe_refusal(p_statement text)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  EXECUTE p_statement;
  RETURN 'not refused';
EXCEPTION
  WHEN serialization_failure OR deadlock_detected OR lock_not_available THEN
    RAISE;
  WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_probe_refusal(text) IS 'The SQLSTATE that a statement is refused with, or "not refused"; for the probe, which takes back what was not';
REVOKE ALL ON FUNCTION iu_core.fn_iu_probe_refusal(text) FROM PUBLIC;

-- requires: iu_route_worker_cursor, fn_iu_event_pending, v_iu_accounting
-- It returns more than it did.
DROP VIEW iu_core.v_iu_route_worker_health;
DROP FUNCTION iu_core.fn_iu_route_worker_health(text);
CREATE FUNCTION iu_core.fn_iu_route_worker_health(p_worker_code text)
RETURNS TABLE (healthy boolean, reasons text[], worker_gate_open boolean, master_gate_open boolean, delivery_mode text, blocked_by text,
               backlog integer, oldest_unrouted_at timestamptz, held_back_since timestamptz, open_dead_letters integer,
               last_pass_at timestamptz, last_pass_seen integer, locked_since timestamptz, oldest_snapshot_at timestamptz, accounting jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  v_cursor iu_route_worker_cursor;
  v_orphans text;
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
  -- A pass holds its lock for milliseconds; who holds it long keeps every other process from this cursor.
  SELECT min(a.xact_start) INTO locked_since
  FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
  WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.classid::bigint = hashtext('iu_core.iu_route_worker_cursor')::bigint & 4294967295 AND l.objid::bigint = v_cursor.lock_no AND l.pid <> pg_backend_pid();
  -- Under one, the cursor's old versions cannot be cleared away, and each pass reads its way through them.
  SELECT min(a.xact_start) INTO oldest_snapshot_at
  FROM pg_stat_activity AS a WHERE a.datname = current_database() AND a.backend_xmin IS NOT NULL AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid();
  SELECT to_jsonb(t) INTO accounting FROM v_iu_accounting AS t;
  SELECT count(*) INTO open_dead_letters FROM (SELECT FROM iu_route_dead_letter AS d WHERE d.status = 'open' LIMIT 10001) AS bounded;

  IF NOT worker_gate_open THEN reasons := reasons || format('gate iu_core.route_worker_enabled is %s', fn_iu_gate_state('iu_core.route_worker_enabled')); END IF;
  IF NOT master_gate_open THEN reasons := reasons || format('gate iu_core.routes_master_enabled is %s', fn_iu_gate_state('iu_core.routes_master_enabled')); END IF;
  SELECT string_agg(b::text, ', ' ORDER BY b) INTO v_orphans FROM generate_series(0, 15) AS b WHERE NOT EXISTS (SELECT FROM iu_route_worker_cursor AS c WHERE b BETWEEN c.bucket_from AND c.bucket_to);
  IF v_orphans IS NOT NULL THEN reasons := reasons || format('no cursor owns bucket %s: nobody routes their events', v_orphans); END IF;
  IF backlog > 10000 THEN reasons := reasons || 'more than 10,000 events wait'::text; END IF;
  IF oldest_unrouted_at < clock_timestamp() - interval '1 minute' THEN
    reasons := reasons || format('the oldest unrouted event is of %s, the last pass that saw any %s', to_char(oldest_unrouted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'),
      coalesce(to_char(last_pass_at AT TIME ZONE 'UTC', '"of" YYYY-MM-DD HH24:MI:SS "UTC"'), 'has yet to come'));
  END IF;
  IF held_back_since < clock_timestamp() - interval '1 minute' THEN
    reasons := reasons || format('a transaction open since %s may hold events back', to_char(held_back_since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'));
  END IF;
  IF open_dead_letters > 0 THEN
    reasons := reasons || format('%s open dead letter%s', CASE WHEN open_dead_letters > 10000 THEN '10,000+' ELSE open_dead_letters::text END, CASE open_dead_letters WHEN 1 THEN '' ELSE 's' END);
  END IF;
  IF locked_since < clock_timestamp() - interval '1 minute' THEN
    reasons := reasons || format('another session has held the cursor since %s', to_char(locked_since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'));
  END IF;
  IF oldest_snapshot_at < clock_timestamp() - interval '10 minutes' THEN
    reasons := reasons || format('a snapshot open since %s makes passes slow', to_char(oldest_snapshot_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'));
  END IF;
  IF (accounting ->> 'unexplained')::bigint <> 0 THEN reasons := reasons || format('%s events are unexplained', accounting ->> 'unexplained'); END IF;
  healthy := cardinality(reasons) = 0;
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_worker_health(text) IS 'Healthy, or every reason why not: gates, buckets without a cursor, backlog, age of the oldest unrouted event, a transaction that holds events back, open dead letters, who holds the cursor, an old snapshot, unexplained events; with the last pass and the accounting identity. IU003 unknown worker';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_worker_health(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_route_worker_health(text) TO iu_reader, iu_worker;

-- requires: fn_iu_route_worker_health, iu_route_worker_cursor
CREATE VIEW iu_core.v_iu_route_worker_health AS
SELECT c.worker_code, h.*
FROM iu_core.iu_route_worker_cursor AS c CROSS JOIN LATERAL iu_core.fn_iu_route_worker_health(c.worker_code) AS h;
COMMENT ON VIEW iu_core.v_iu_route_worker_health IS 'One row a worker: healthy, or every reason why not';
GRANT SELECT ON iu_core.v_iu_route_worker_health TO iu_reader;

-- requires: fn_iu_route_deliver, fn_iu_gate_state, iu_route_worker_cursor, v_iu_accounting, v_iu_event_backlog, v_iu_gate, v_iu_route_worker_health
-- Whether what is installed works, as far as reading can tell: unit verifies say that it is what was deployed,
-- the probe tries it. One check that breaks does not keep the others from being told.
CREATE FUNCTION iu_core.fn_iu_works()
RETURNS TABLE (check_code text, name text, ok boolean, detail text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  v_tables constant text[] := '{event_outbox,iu_event_type,iu_held_decision,iu_outbound_route,iu_route_attempt,iu_route_attempt_rollup,iu_route_dead_letter,iu_route_worker_cursor,iu_route_worker_run,dot_config}';
  v_functions constant text[] := '{fn_iu_emit_event,fn_iu_route_page,fn_iu_route_worker_run,fn_iu_route_attempt_one,fn_iu_route_dead_letter_replay,fn_iu_route_deliver,fn_iu_route_worker_health}';
  v_views constant text[] := '{v_iu_route_decision,v_iu_event_claim,v_iu_event_backlog,v_iu_accounting,v_iu_route_attempt,v_iu_route_attempt_summary,v_iu_route_dead_letter_open,v_iu_route_worker_health,v_iu_gate}';
  v_wrong text;
BEGIN
  FOR check_code, name IN VALUES
    ('W1', 'substrate'), ('W2', 'functions present'), ('W3', 'views present'), ('W4', 'gates readable'), ('W5', 'cursor present'),
    ('W6', 'seam fails closed'), ('W7', 'both gates checked'), ('W8', 'health'), ('W9', 'backlog explained')
  LOOP
    v_wrong := NULL;
    BEGIN
      CASE check_code
        WHEN 'W1', 'W3' THEN
          SELECT 'missing: ' || string_agg(n, ', ') INTO v_wrong
          FROM unnest(CASE check_code WHEN 'W1' THEN v_tables ELSE v_views END) AS n
          WHERE NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = 'iu_core'::regnamespace AND relname = n AND relkind = CASE check_code WHEN 'W1' THEN 'r' ELSE 'v' END);
          detail := CASE check_code WHEN 'W1' THEN format('%s tables', cardinality(v_tables)) ELSE format('%s views', cardinality(v_views)) END;
        WHEN 'W2' THEN
          SELECT 'missing, or open to PUBLIC: ' || string_agg(n, ', ') INTO v_wrong
          FROM unnest(v_functions) AS n
          WHERE NOT EXISTS (SELECT FROM pg_proc AS p WHERE p.pronamespace = 'iu_core'::regnamespace AND p.proname = n AND NOT has_function_privilege('public', p.oid, 'EXECUTE'));
          detail := format('%s functions', cardinality(v_functions));
        WHEN 'W4' THEN
          SELECT string_agg(format('%s is %s', gate, state), ', ') FILTER (WHERE state IN ('missing', 'malformed')),
                 format('%s open, %s closed', count(*) FILTER (WHERE is_open), count(*) FILTER (WHERE NOT is_open)) INTO v_wrong, detail FROM v_iu_gate;
        WHEN 'W5' THEN
          SELECT 'not exactly one cursor: bucket ' || string_agg(b::text, ', ' ORDER BY b) INTO v_wrong
          FROM generate_series(0, 15) AS b WHERE (SELECT count(*) FROM iu_route_worker_cursor AS c WHERE b BETWEEN c.bucket_from AND c.bucket_to) <> 1;
          SELECT format('16 buckets, %s', string_agg(format('%s to %s by %s', bucket_from, bucket_to, worker_code), ', ' ORDER BY bucket_from)) INTO detail FROM iu_route_worker_cursor;
        WHEN 'W6' THEN
          v_wrong := 'fn_iu_route_deliver returned, and live delivery is not built';
          detail := 'a delivery raises, and a live route needs an approval';
          BEGIN
            PERFORM fn_iu_route_deliver(0, 0);
          EXCEPTION WHEN feature_not_supported THEN
            SELECT 'iu_outbound_route_safe_chk is missing' INTO v_wrong
            WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'iu_outbound_route_safe_chk' AND conrelid = 'iu_core.iu_outbound_route'::regclass AND convalidated);
          END;
        WHEN 'W7' THEN
          -- By its text; scenario H closes the gates and sees what happens.
          SELECT string_agg(format('%s does not ask for %s', f, g), '; ') INTO v_wrong
          FROM unnest('{fn_iu_route_worker_run,fn_iu_route_dead_letter_replay}'::text[]) AS f, unnest('{iu_core.route_worker_enabled,iu_core.routes_master_enabled}'::text[]) AS g
          WHERE NOT EXISTS (SELECT FROM pg_proc WHERE pronamespace = 'iu_core'::regnamespace AND proname = f AND strpos(prosrc, g) > 0);
          detail := 'by the worker and by a replay';
        WHEN 'W8' THEN
          SELECT string_agg(format('%s is %s without a reason', worker_code, CASE WHEN healthy THEN 'healthy' ELSE 'unhealthy' END), '; ') FILTER (WHERE healthy <> (reasons = '{}')),
                 string_agg(format('%s: %s', worker_code, CASE WHEN healthy THEN 'healthy' ELSE array_to_string(reasons, '; ') END), ' · ' ORDER BY worker_code) INTO v_wrong, detail
          FROM v_iu_route_worker_health;
          v_wrong := CASE WHEN detail IS NULL THEN 'no worker' ELSE v_wrong END;
        WHEN 'W9' THEN
          SELECT CASE WHEN a.unexplained <> 0 THEN format('%s of %s events are unexplained', a.unexplained, a.events) END,
                 format('%s events, %s not yet routed, %s held, 0 unexplained', a.events, a.not_yet_routed, a.held) INTO v_wrong, detail
          FROM v_iu_accounting AS a;
      END CASE;
    EXCEPTION WHEN OTHERS THEN
      v_wrong := SQLERRM;
    END;
    ok := v_wrong IS NULL;
    detail := coalesce(v_wrong, detail);
    RETURN NEXT;
  END LOOP;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_works() IS 'The checks W1 to W9 of what is installed, by reading alone: substrate, functions, views, gates, cursors, the seam, both gates, health, backlog';
REVOKE ALL ON FUNCTION iu_core.fn_iu_works() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_works() TO iu_reader;

-- requires: iu_event_type
-- The schema as text: a program that reads it as JSON may lose what its numbers look like.
CREATE VIEW iu_core.v_iu_event_type AS
SELECT event_type, event_domain, delivery_lane, is_system, description, payload_schema::text AS payload_schema
FROM iu_core.iu_event_type;
COMMENT ON VIEW iu_core.v_iu_event_type IS 'Every event type with the schema that its payload must meet';
GRANT SELECT ON iu_core.v_iu_event_type TO iu_reader;

-- requires: dot_iu_command_run, fn_iu_probe_left
-- The last probe as the ledger has it, and what is left of it now.
CREATE VIEW iu_core.v_iu_probe AS
SELECT r.id AS run_id, r.actor, r.finished_at, (r.receipt -> 'result' -> 'passed')::integer AS passed, (r.receipt -> 'result' -> 'ms')::double precision AS ms,
       jsonb_path_query_array(r.receipt, '$.checks[*] ? (@.kind == "probe")') AS scenarios,
       (SELECT jsonb_agg(jsonb_build_object('relation', l.relation, 'rows', l.left_rows) ORDER BY l.relation)
        FROM iu_core.fn_iu_probe_left(jsonb_path_query_first(r.receipt, '$.checks[*] ? (@.kind == "probe_left").drawn')) AS l) AS leftovers
FROM iu_core.dot_iu_command_run AS r
WHERE r.command_code = 'dot_iu_run_probe' AND r.mode = 'apply' AND r.status = 'succeeded'
ORDER BY r.id DESC LIMIT 1;
COMMENT ON VIEW iu_core.v_iu_probe IS 'The last probe: what each scenario found, and how many rows with its marker there are now, table by table';
GRANT SELECT ON iu_core.v_iu_probe TO iu_reader;

-- requires: fn_iu_works
CREATE VIEW iu_core.v_iu_works AS
SELECT check_code, name, ok, detail FROM iu_core.fn_iu_works();
COMMENT ON VIEW iu_core.v_iu_works IS 'The checks W1 to W9: whether what is installed works, as far as reading can tell';
GRANT SELECT ON iu_core.v_iu_works TO iu_reader;
