-- unit: schema

-- requires: event_outbox, iu_route_worker_cursor, fn_iu_system_identifier
-- A view and not a function: it is read for every event that waits. The worker is found by the bucket in a hash, however many
-- there are; what is the same for all events of a worker is asked once for each bucket.
CREATE OR REPLACE VIEW iu_core.v_iu_event_claim AS
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

-- requires: fn_iu_probe_world, fn_iu_probe_emit, fn_iu_probe_pass, fn_iu_create, fn_iu_apply_versions, fn_iu_held_release, fn_iu_route_dead_letter_replay
-- Does what the scenario is about, for real, and says what came of it. fn_iu_probe takes it back.
CREATE OR REPLACE FUNCTION iu_core.fn_iu_probe_scenario(p_scenario text)
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

-- requires: event_outbox, iu_route_attempt, iu_route_worker_cursor, v_iu_event_claim
-- Most of what waits is newer than whatever any cursor or attempt knows: that is counted by bucket and type, without a claim
-- for each. The rest is held against claims and attempts one by one, by range and by ids apart: no join walks through the past.
CREATE FUNCTION iu_core.fn_iu_event_judged(p_ids bigint[], p_above bigint, p_through bigint)
RETURNS TABLE (worker_code text, event_domain text, event_type text, is_attempted boolean, is_passed boolean, events bigint, releases bigint, oldest_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_sort = off                 -- a thousand ids are ten to the planner, and would be sorted by every key
AS $$
#variable_conflict use_column
DECLARE
  v_known_id bigint;
  v_known_xid xid8;
  v_odd bigint[] := '{}';
  v record;
BEGIN
  SELECT coalesce(greatest(max(greatest(c.floor_id, c.last_id, c.trusted_id, c.own_last_id)), (SELECT max(a.event_id) FROM iu_route_attempt AS a WHERE a.event_id <= p_through)), 0),
         coalesce(max(pg_snapshot_xmax(c.snap_from)), '3')
  INTO v_known_id, v_known_xid FROM iu_route_worker_cursor AS c;
  is_attempted := false;
  FOR v IN
    SELECT n.*, c.worker_code
    FROM (SELECT e.bucket, e.event_domain, e.event_type, CASE WHEN e.xid < v_known_xid THEN e.id END AS odd_id, count(*) AS events, count(e.released_from) AS releases, min(e.created_at) AS oldest_at
          FROM event_outbox AS e WHERE e.id > greatest(p_above, v_known_id) AND e.id <= p_through AND e.delivery_lane <> 'held'
          GROUP BY e.bucket, e.event_domain, e.event_type, odd_id
          UNION ALL
          SELECT e.bucket, e.event_domain, e.event_type, CASE WHEN e.id <= v_known_id OR e.xid < v_known_xid THEN e.id END AS odd_id, count(*), count(e.released_from), min(e.created_at)
          FROM event_outbox AS e WHERE e.id = ANY (p_ids) AND e.delivery_lane <> 'held'
          GROUP BY e.bucket, e.event_domain, e.event_type, odd_id) AS n
    LEFT JOIN iu_route_worker_cursor AS c ON n.bucket BETWEEN c.bucket_from AND c.bucket_to
  LOOP
    IF v.odd_id IS NOT NULL THEN
      v_odd := v_odd || v.odd_id;
    ELSE
      worker_code := v.worker_code; event_domain := v.event_domain; event_type := v.event_type; events := v.events; releases := v.releases; oldest_at := v.oldest_at;
      is_passed := CASE WHEN v.worker_code IS NOT NULL THEN false END;
      RETURN NEXT;
    END IF;
  END LOOP;
  RETURN QUERY
  SELECT j.worker_code, j.event_domain, j.event_type, j.is_attempted, j.is_passed, count(*), count(j.released_from), min(j.created_at)
  FROM (SELECT c.*, c.event_id IN (SELECT a.event_id FROM iu_route_attempt AS a WHERE a.event_id > p_above AND a.event_id <= least(v_known_id, p_through) AND a.attempt_no = 1) AS is_attempted
        FROM v_iu_event_claim AS c WHERE c.event_id > p_above AND c.event_id <= least(v_known_id, p_through)
        UNION ALL
        SELECT c.*, EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = c.event_id AND a.attempt_no = 1 OFFSET 0)
        FROM v_iu_event_claim AS c WHERE c.event_id = ANY (v_odd)) AS j
  GROUP BY j.worker_code, j.event_domain, j.event_type, j.is_attempted, j.is_passed;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_event_judged(bigint[], bigint, bigint) IS 'The events with these ids and those above the one id through the other, lane held apart, counted by worker, type and what became of them: attempted or not, passed by their worker or not; with the oldest, and how many of them release a held one';
REVOKE ALL ON FUNCTION iu_core.fn_iu_event_judged(bigint[], bigint, bigint) FROM PUBLIC;

-- requires: fn_iu_event_judged, iu_event_audit, iu_route_worker_cursor, v_iu_event_unaudited
-- Accounting, backlog and health are one judgement: whatever waits is among what the audit has not counted. What was counted is
-- a row; of the rest the first p_most are judged. Where there are more, and not all of these wait or none of them for some
-- worker, it is looked at what lies above that worker's own place, again p_most events far.
CREATE FUNCTION iu_core.fn_iu_event_standing(p_most integer DEFAULT 10001)
RETURNS TABLE (worker_code text, event_domain text, event_type text, waiting bigint, oldest_at timestamptz, is_exact boolean, account jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
  v_last constant bigint := 9223372036854775807;
  v_audit iu_event_audit;
  v_above bigint;
  v_through bigint;
  v_ids bigint[];
  v_groups jsonb;
  v_part record;
  v_held bigint;
  v_discarded bigint;
  v_is_low_whole boolean;
  v_place record;
  v_end bigint;
  v_known text[] := '{}';
BEGIN
  SELECT * INTO v_audit FROM iu_event_audit;
  v_above := coalesce(v_audit.through_id, 0);
  v_ids := ARRAY(SELECT event_id FROM v_iu_event_unaudited WHERE event_id <= v_above LIMIT p_most);
  v_through := coalesce((SELECT id FROM event_outbox WHERE id > v_above ORDER BY id OFFSET greatest(p_most - 1 - cardinality(v_ids), 0) LIMIT 1), v_last);
  v_groups := (SELECT coalesce(jsonb_agg(j), '[]') FROM fn_iu_event_judged(v_ids, v_above, v_through) AS j);
  v_held := (SELECT count(*) FROM event_outbox WHERE id > v_above AND id <= v_through AND delivery_lane = 'held')
          + (SELECT count(*) FROM event_outbox WHERE id = ANY (v_ids) AND delivery_lane = 'held');
  SELECT coalesce(sum(events), 0) + v_held AS events, coalesce(sum(events) FILTER (WHERE is_attempted), 0) AS attempted, coalesce(sum(releases), 0) AS released,
         coalesce(sum(events) FILTER (WHERE NOT is_attempted AND NOT is_passed), 0) AS waiting,
         coalesce(sum(events) FILTER (WHERE NOT is_attempted AND is_passed IS NOT FALSE), 0) AS unexplained,
         coalesce(array_agg(DISTINCT worker_code) FILTER (WHERE NOT is_attempted AND NOT is_passed), '{}') AS workers
  INTO STRICT v_part FROM jsonb_to_recordset(v_groups) AS g(worker_code text, is_attempted boolean, is_passed boolean, events bigint, releases bigint);

  v_discarded := coalesce(v_audit.discarded, (SELECT count(*) FROM iu_held_decision));
  account := jsonb_build_object(
    'events', coalesce(v_audit.attempted + v_audit.written_held + v_audit.archived, 0) + v_part.events,
    'attempted', coalesce(v_audit.attempted, 0) + v_part.attempted,
    'held', coalesce(v_audit.written_held - v_audit.released, 0) + v_held - v_part.released - v_discarded,
    'released', coalesce(v_audit.released, 0) + v_part.released,
    'discarded', v_discarded,
    'archived', coalesce(v_audit.archived, 0),
    'not_yet_routed', v_part.waiting,
    'unexplained', v_part.unexplained,
    'is_exact', v_part.events < p_most,
    'audited_through', v_above);
  RETURN NEXT;

  IF v_part.events >= p_most THEN
    v_is_low_whole := cardinality(v_ids) < p_most;
    FOR v_place IN
      SELECT p.place, array_agg(p.worker_code) AS workers
      FROM (SELECT c.worker_code,
                   -- Above it lies whatever the worker has not passed; a cursor that is not of this cluster has passed nothing.
                   CASE WHEN c.system_identifier IS DISTINCT FROM fn_iu_system_identifier() OR pg_snapshot_xmin(c.snap_from) > pg_snapshot_xmax(pg_current_snapshot()) THEN v_through
                        WHEN c.snap_to IS NULL THEN greatest(v_through, c.floor_id)
                        ELSE greatest(v_through, c.floor_id, least(c.last_id, c.floor_to_id)) END AS place
            FROM iu_route_worker_cursor AS c) AS p
      WHERE v_part.waiting < p_most OR NOT p.worker_code = ANY (v_part.workers)
      GROUP BY p.place
    LOOP
      -- Below its place a worker has only those of transactions left that it saw running.
      v_ids := ARRAY(
        SELECT e.id
        FROM (SELECT pg_snapshot_xip(c.snap_from) AS xid FROM iu_route_worker_cursor AS c WHERE c.worker_code = ANY (v_place.workers)
              UNION SELECT pg_snapshot_xip(c.snap_to) FROM iu_route_worker_cursor AS c WHERE c.worker_code = ANY (v_place.workers)) AS running
        CROSS JOIN LATERAL (SELECT o.id FROM event_outbox AS o WHERE o.xid = running.xid AND o.id > v_through AND o.id <= v_place.place AND o.delivery_lane <> 'held' OFFSET 0) AS e
        LIMIT p_most);
      v_end := (SELECT id FROM event_outbox WHERE id > v_place.place ORDER BY id OFFSET p_most - 1 LIMIT 1);
      v_groups := v_groups || (SELECT coalesce(jsonb_agg(j), '[]') FROM fn_iu_event_judged(v_ids, v_place.place, coalesce(v_end, v_last)) AS j WHERE j.worker_code = ANY (v_place.workers));
      IF v_end IS NULL AND cardinality(v_ids) < p_most AND v_is_low_whole THEN
        v_known := v_known || v_place.workers;
      END IF;
    END LOOP;
  END IF;

  RETURN QUERY
  SELECT c.worker_code, g.event_domain, g.event_type, coalesce(g.waiting, 0), g.oldest_at, v_part.events < p_most OR c.worker_code = ANY (v_known), NULL::jsonb
  FROM iu_route_worker_cursor AS c
  LEFT JOIN (SELECT x.worker_code, x.event_domain, x.event_type, sum(x.events)::bigint AS waiting, min(x.oldest_at) AS oldest_at
             FROM jsonb_to_recordset(v_groups) AS x(worker_code text, event_domain text, event_type text, is_attempted boolean, is_passed boolean, events bigint, oldest_at timestamptz)
             WHERE NOT x.is_attempted AND NOT x.is_passed GROUP BY x.worker_code, x.event_domain, x.event_type) AS g ON g.worker_code = c.worker_code;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_event_standing(integer) IS 'One row with the account, the accounting identity from the audit and the events that it has not counted; and for each worker what waits for it, by type, one row with 0 where nothing does. Exact unless p_most or more are not counted, when it says so and counts at least';
REVOKE ALL ON FUNCTION iu_core.fn_iu_event_standing(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_event_standing(integer) TO iu_reader;

-- requires: fn_iu_event_standing
CREATE OR REPLACE VIEW iu_core.v_iu_event_backlog AS
SELECT worker_code, event_domain, event_type, waiting::integer AS pending, oldest_at, is_exact
FROM iu_core.fn_iu_event_standing()
WHERE waiting > 0;
COMMENT ON VIEW iu_core.v_iu_event_backlog IS 'Events not yet routed, by worker and type; where more than 10,000 are not audited these may be the least that wait (is_exact)';
GRANT SELECT ON iu_core.v_iu_event_backlog TO iu_reader;

-- requires: fn_iu_event_standing
CREATE OR REPLACE FUNCTION iu_core.fn_iu_event_account(p_most integer DEFAULT 10001)
RETURNS TABLE (events bigint, attempted bigint, held bigint, released bigint, discarded bigint, archived bigint, not_yet_routed bigint, unexplained bigint, is_exact boolean, audited_through bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT a.*
  FROM fn_iu_event_standing(p_most) AS s
  CROSS JOIN LATERAL jsonb_to_record(s.account) AS a(events bigint, attempted bigint, held bigint, released bigint, discarded bigint, archived bigint, not_yet_routed bigint, unexplained bigint, is_exact boolean, audited_through bigint)
  WHERE s.account IS NOT NULL
$$;
COMMENT ON FUNCTION iu_core.fn_iu_event_account(integer) IS 'The accounting identity from the audit and the events above it; exact unless p_most or more are unaudited, when it says so and counts at least';
REVOKE ALL ON FUNCTION iu_core.fn_iu_event_account(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_event_account(integer) TO iu_reader;

-- requires: fn_iu_event_standing, fn_iu_gate_is_open, fn_iu_gate_state, iu_outbound_route, iu_route_dead_letter, iu_route_worker_cursor
-- What is the same for all workers is read once, the judgement of what waits above all.
CREATE FUNCTION iu_core.fn_iu_route_workers_health(p_worker_code text DEFAULT NULL)
RETURNS TABLE (worker_code text, healthy boolean, reasons text[], worker_gate_open boolean, master_gate_open boolean, delivery_mode text, blocked_by text,
               backlog integer, oldest_unrouted_at timestamptz, held_back_since timestamptz, open_dead_letters integer,
               last_pass_at timestamptz, last_pass_seen integer, locked_since timestamptz, oldest_snapshot_at timestamptz, accounting jsonb, backlog_is_exact boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
  v_common text[] := '{}';
  v_orphans text;
BEGIN
  worker_gate_open := fn_iu_gate_is_open('iu_core.route_worker_enabled');
  master_gate_open := fn_iu_gate_is_open('iu_core.routes_master_enabled');
  blocked_by := CASE WHEN NOT worker_gate_open THEN 'iu_core.route_worker_enabled' WHEN NOT master_gate_open THEN 'iu_core.routes_master_enabled' END;
  delivery_mode := CASE
    WHEN blocked_by IS NOT NULL THEN 'STOPPED'
    WHEN fn_iu_gate_is_open('iu_core.execution_enabled') AND EXISTS (SELECT FROM iu_outbound_route AS r WHERE r.enabled AND NOT r.dry_run) THEN 'LIVE'
    ELSE 'DRY RUN' END;
  SELECT count(*) INTO open_dead_letters FROM (SELECT FROM iu_route_dead_letter AS d WHERE d.status = 'open' LIMIT 10001) AS bounded;
  IF NOT worker_gate_open THEN v_common := v_common || format('gate iu_core.route_worker_enabled is %s', fn_iu_gate_state('iu_core.route_worker_enabled')); END IF;
  IF NOT master_gate_open THEN v_common := v_common || format('gate iu_core.routes_master_enabled is %s', fn_iu_gate_state('iu_core.routes_master_enabled')); END IF;
  SELECT string_agg(b::text, ', ' ORDER BY b) INTO v_orphans FROM generate_series(0, 15) AS b WHERE NOT EXISTS (SELECT FROM iu_route_worker_cursor AS c WHERE b BETWEEN c.bucket_from AND c.bucket_to);
  IF v_orphans IS NOT NULL THEN v_common := v_common || format('no cursor owns bucket %s: nobody routes their events', v_orphans); END IF;

  FOR worker_code, last_pass_at, last_pass_seen, locked_since, held_back_since, oldest_snapshot_at, backlog, oldest_unrouted_at, backlog_is_exact, accounting IN
    WITH standing AS MATERIALIZED (
      SELECT s.worker_code, sum(s.waiting) AS waiting, min(s.oldest_at) AS oldest_at, bool_and(s.is_exact) AS is_exact, (array_agg(s.account))[1] AS account FROM fn_iu_event_standing() AS s GROUP BY s.worker_code
    ), activity AS MATERIALIZED (
      SELECT a.pid, a.xact_start, a.backend_xid::text::numeric AS xid, a.backend_xmin IS NOT NULL AND a.backend_type = 'client backend' AS has_snapshot
      FROM pg_stat_activity AS a WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
    ), writing AS MATERIALIZED (
      -- A prepared transaction has no session.
      SELECT a.xact_start AS since, a.xid FROM activity AS a WHERE a.xid IS NOT NULL
      UNION ALL
      SELECT p.prepared, p.transaction::text::numeric FROM pg_prepared_xacts AS p WHERE p.database = current_database()
    ), locked AS MATERIALIZED (
      -- A pass holds its lock for milliseconds; who holds it long keeps every other process from this cursor.
      SELECT l.objid::bigint AS lock_no, min(a.xact_start) AS since
      FROM pg_locks AS l JOIN activity AS a ON a.pid = l.pid
      WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND l.classid::bigint = hashtext('iu_core.iu_route_worker_cursor')::bigint & 4294967295
      GROUP BY l.objid
    )
    SELECT c.worker_code, c.last_pass_at, c.last_pass_seen, l.since,
           -- Only a transaction that the cursor has not passed can hold events back: one that was open at the last
           -- window, or began after it.
           (SELECT min(w.since) FROM writing AS w
            WHERE w.xid IN (SELECT x::text::numeric % 4294967296 FROM pg_snapshot_xip(c.snap_from) AS x)
               OR mod(w.xid - pg_snapshot_xmax(c.snap_from)::text::numeric % 4294967296 + 4294967296, 4294967296) < 2147483648),
           -- Under an old one, the cursor's old versions cannot be cleared away, and each pass reads its way through them.
           (SELECT min(a.xact_start) FROM activity AS a WHERE a.has_snapshot),
           least(s.waiting, 10001), s.oldest_at, s.is_exact, (SELECT a.account FROM standing AS a WHERE a.worker_code IS NULL)
    FROM iu_route_worker_cursor AS c
    JOIN standing AS s ON s.worker_code = c.worker_code
    LEFT JOIN locked AS l ON l.lock_no = c.lock_no
    WHERE p_worker_code IS NULL OR c.worker_code = p_worker_code
    ORDER BY c.worker_code
  LOOP
    reasons := v_common;
    IF backlog > 10000 THEN
      reasons := reasons || 'more than 10,000 events wait'::text;
    ELSIF NOT backlog_is_exact THEN
      reasons := reasons || format('more than 10,000 events lie ahead, at least %s of them wait for this worker', backlog);
    END IF;
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
  END LOOP;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_workers_health(text) IS 'fn_iu_route_worker_health of every worker, or of one, from one judgement of what waits; backlog_is_exact is false where it is the least that waits';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_workers_health(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_route_workers_health(text) TO iu_reader;

-- requires: fn_iu_route_workers_health
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_worker_health(p_worker_code text)
RETURNS TABLE (healthy boolean, reasons text[], worker_gate_open boolean, master_gate_open boolean, delivery_mode text, blocked_by text,
               backlog integer, oldest_unrouted_at timestamptz, held_back_since timestamptz, open_dead_letters integer,
               last_pass_at timestamptz, last_pass_seen integer, locked_since timestamptz, oldest_snapshot_at timestamptz, accounting jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  IF NOT EXISTS (SELECT FROM iu_route_worker_cursor AS c WHERE c.worker_code = p_worker_code) THEN
    RAISE EXCEPTION 'worker_code: % has no cursor', coalesce(p_worker_code, 'null') USING ERRCODE = 'IU003', COLUMN = 'worker_code';
  END IF;
  RETURN QUERY
  SELECT h.healthy, h.reasons, h.worker_gate_open, h.master_gate_open, h.delivery_mode, h.blocked_by, h.backlog, h.oldest_unrouted_at, h.held_back_since,
         h.open_dead_letters, h.last_pass_at, h.last_pass_seen, h.locked_since, h.oldest_snapshot_at, h.accounting
  FROM fn_iu_route_workers_health(p_worker_code) AS h;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_worker_health(text) IS 'Healthy, or every reason why not: gates, buckets without a cursor, backlog, age of the oldest unrouted event, a transaction that holds events back, open dead letters, who holds the cursor, an old snapshot, unexplained events; with the last pass and the accounting identity. IU003 unknown worker';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_worker_health(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_route_worker_health(text) TO iu_reader, iu_worker;

-- requires: fn_iu_route_workers_health
CREATE OR REPLACE VIEW iu_core.v_iu_route_worker_health AS
SELECT h.worker_code COLLATE "C" AS worker_code, h.healthy, h.reasons, h.worker_gate_open, h.master_gate_open, h.delivery_mode, h.blocked_by, h.backlog, h.oldest_unrouted_at,
       h.held_back_since, h.open_dead_letters, h.last_pass_at, h.last_pass_seen, h.locked_since, h.oldest_snapshot_at, h.accounting, h.backlog_is_exact
FROM iu_core.fn_iu_route_workers_health() AS h;
COMMENT ON VIEW iu_core.v_iu_route_worker_health IS 'One row a worker: healthy, or every reason why not';
GRANT SELECT ON iu_core.v_iu_route_worker_health TO iu_reader;

-- requires: fn_iu_route_deliver, fn_iu_gate_state, iu_route_worker_cursor, v_iu_accounting, v_iu_event_backlog, v_iu_gate, v_iu_route_worker_health
-- Whether what is installed works, as far as reading can tell: unit verifies say that it is what was deployed,
-- the probe tries it. One check that breaks does not keep the others from being told.
CREATE OR REPLACE FUNCTION iu_core.fn_iu_works()
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
  v_account jsonb;
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
                 string_agg(format('%s: %s', worker_code, CASE WHEN healthy THEN 'healthy' ELSE array_to_string(reasons, '; ') END), ' · ' ORDER BY worker_code), (array_agg(accounting))[1]
          INTO v_wrong, detail, v_account
          FROM v_iu_route_worker_health;
          v_wrong := CASE WHEN detail IS NULL THEN 'no worker' ELSE v_wrong END;
        WHEN 'W9' THEN
          -- Health carries it; without a worker, or where health itself breaks, it is asked for.
          v_account := coalesce(v_account, (SELECT to_jsonb(a) FROM v_iu_accounting AS a));
          v_wrong := CASE WHEN v_account ->> 'unexplained' <> '0' THEN format('%s of %s events are unexplained', v_account ->> 'unexplained', v_account ->> 'events') END;
          detail := format('%s events, %s not yet routed, %s held, 0 unexplained', v_account ->> 'events', v_account ->> 'not_yet_routed', v_account ->> 'held');
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
