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
                            (SELECT 1 FROM v_iu_route_worker_health WHERE backlog > 10000 OR NOT backlog_is_exact LIMIT 1)),
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
