SET LOCAL search_path = pg_catalog, iu_core, pg_temp;
CREATE OR REPLACE FUNCTION iu_core.fn_iu_works()
 RETURNS TABLE(check_code text, name text, ok boolean, detail text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION fn_iu_works() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_works() IS 'The checks W1 to W9 of what is installed, by reading alone: substrate, functions, views, gates, cursors, the seam, both gates, health, backlog';
GRANT EXECUTE ON FUNCTION fn_iu_works() TO iu_reader;
-- A view is not made narrower in place.
DROP VIEW iu_core.v_iu_route_worker_health;
CREATE VIEW iu_core.v_iu_route_worker_health AS
 SELECT c.worker_code,
    h.healthy,
    h.reasons,
    h.worker_gate_open,
    h.master_gate_open,
    h.delivery_mode,
    h.blocked_by,
    h.backlog,
    h.oldest_unrouted_at,
    h.held_back_since,
    h.open_dead_letters,
    h.last_pass_at,
    h.last_pass_seen,
    h.locked_since,
    h.oldest_snapshot_at,
    h.accounting
   FROM (iu_route_worker_cursor c
     CROSS JOIN LATERAL fn_iu_route_worker_health(c.worker_code) h(healthy, reasons, worker_gate_open, master_gate_open, delivery_mode, blocked_by, backlog, oldest_unrouted_at, held_back_since, open_dead_letters, last_pass_at, last_pass_seen, locked_since, oldest_snapshot_at, accounting));
ALTER VIEW v_iu_route_worker_health OWNER TO iu_owner;
COMMENT ON VIEW v_iu_route_worker_health IS 'One row a worker: healthy, or every reason why not';
GRANT SELECT ON v_iu_route_worker_health TO iu_reader;
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_worker_health(p_worker_code text)
 RETURNS TABLE(healthy boolean, reasons text[], worker_gate_open boolean, master_gate_open boolean, delivery_mode text, blocked_by text, backlog integer, oldest_unrouted_at timestamp with time zone, held_back_since timestamp with time zone, open_dead_letters integer, last_pass_at timestamp with time zone, last_pass_seen integer, locked_since timestamp with time zone, oldest_snapshot_at timestamp with time zone, accounting jsonb)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION fn_iu_route_worker_health(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_worker_health(text) IS 'Healthy, or every reason why not: gates, buckets without a cursor, backlog, age of the oldest unrouted event, a transaction that holds events back, open dead letters, who holds the cursor, an old snapshot, unexplained events; with the last pass and the accounting identity. IU003 unknown worker';
GRANT EXECUTE ON FUNCTION fn_iu_route_worker_health(text) TO iu_reader;
GRANT EXECUTE ON FUNCTION fn_iu_route_worker_health(text) TO iu_worker;
DROP FUNCTION iu_core.fn_iu_route_workers_health(text);
CREATE OR REPLACE FUNCTION iu_core.fn_iu_event_account(p_most integer DEFAULT 10001)
 RETURNS TABLE(events bigint, attempted bigint, held bigint, released bigint, discarded bigint, archived bigint, not_yet_routed bigint, unexplained bigint, is_exact boolean, audited_through bigint)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  v_audit iu_event_audit;
  v_through bigint;
  v_last bigint;
  v_below bigint[];
  v_part record;
BEGIN
  SELECT * INTO v_audit FROM iu_event_audit;
  v_through := coalesce(v_audit.through_id, 0);
  v_below := ARRAY(SELECT event_id FROM v_iu_event_unaudited WHERE event_id <= v_through LIMIT p_most);
  -- Judged as a range, so that no join walks through the past.
  v_last := coalesce((SELECT id FROM event_outbox WHERE id > v_through ORDER BY id OFFSET greatest(p_most - 1 - cardinality(v_below), 0) LIMIT 1), 9223372036854775807);
  WITH unaudited AS (
    SELECT c.is_passed, EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = c.event_id AND a.attempt_no = 1 OFFSET 0) AS is_attempted, c.released_from IS NOT NULL AS is_release
    FROM v_iu_event_claim AS c WHERE c.event_id = ANY (v_below)
    UNION ALL
    SELECT c.is_passed, c.event_id IN (SELECT a.event_id FROM iu_route_attempt AS a WHERE a.event_id > v_through AND a.event_id <= v_last AND a.attempt_no = 1), c.released_from IS NOT NULL
    FROM v_iu_event_claim AS c WHERE c.event_id > v_through AND c.event_id <= v_last
    UNION ALL
    -- A bucket without a worker: nobody will ever look at its events.
    SELECT true, EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = e.id AND a.attempt_no = 1 OFFSET 0), e.released_from IS NOT NULL
    FROM event_outbox AS e
    WHERE (SELECT coalesce(sum(bucket_to - bucket_from + 1), 0) FROM iu_route_worker_cursor) < 16
      AND (e.id = ANY (v_below) OR e.id > v_through AND e.id <= v_last) AND e.delivery_lane <> 'held'
      AND NOT EXISTS (SELECT FROM iu_route_worker_cursor AS c WHERE e.bucket BETWEEN c.bucket_from AND c.bucket_to)
    UNION ALL
    SELECT NULL, false, false FROM event_outbox AS e WHERE (e.id = ANY (v_below) OR e.id > v_through AND e.id <= v_last) AND e.delivery_lane = 'held'
  )
  SELECT count(*) AS n, count(*) FILTER (WHERE is_passed IS NULL) AS held, count(*) FILTER (WHERE is_release) AS released, count(*) FILTER (WHERE is_attempted) AS attempted,
         count(*) FILTER (WHERE NOT is_attempted AND NOT is_passed) AS waiting, count(*) FILTER (WHERE NOT is_attempted AND is_passed) AS unexplained
  INTO STRICT v_part FROM unaudited;

  attempted := coalesce(v_audit.attempted, 0) + v_part.attempted;
  released := coalesce(v_audit.released, 0) + v_part.released;
  discarded := coalesce(v_audit.discarded, (SELECT count(*) FROM iu_held_decision));
  held := coalesce(v_audit.written_held, 0) + v_part.held - released - discarded;
  archived := coalesce(v_audit.archived, 0);
  not_yet_routed := v_part.waiting;
  unexplained := v_part.unexplained;
  events := attempted + held + released + discarded + archived + not_yet_routed + unexplained;
  is_exact := v_part.n < p_most;
  audited_through := v_through;
  RETURN NEXT;
END
$function$;
ALTER FUNCTION fn_iu_event_account(integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_event_account(integer) IS 'The accounting identity from the audit and the events above it; exact unless p_most or more are unaudited, when it says so and counts at least';
GRANT EXECUTE ON FUNCTION fn_iu_event_account(integer) TO iu_reader;
DROP VIEW iu_core.v_iu_composer_event_backlog;
DROP VIEW iu_core.v_iu_disable_ladder;
DROP VIEW iu_core.v_iu_event_backlog;
CREATE VIEW iu_core.v_iu_event_backlog AS
 SELECT worker_code,
    event_domain,
    event_type,
    (count(*))::integer AS pending,
    min(created_at) AS oldest_at
   FROM fn_iu_event_pending(10001) fn_iu_event_pending(worker_code, event_id, event_domain, event_type, created_at)
  GROUP BY worker_code, event_domain, event_type;
ALTER VIEW v_iu_event_backlog OWNER TO iu_owner;
COMMENT ON VIEW v_iu_event_backlog IS 'Events not yet routed, by type; counted up to 10001 per worker';
GRANT SELECT ON v_iu_event_backlog TO iu_reader;
CREATE VIEW iu_core.v_iu_composer_event_backlog AS
SELECT worker_code, event_type, pending, oldest_at FROM iu_core.v_iu_event_backlog WHERE event_domain = 'composer';
ALTER VIEW iu_core.v_iu_composer_event_backlog OWNER TO iu_owner;
COMMENT ON VIEW iu_core.v_iu_composer_event_backlog IS 'The composer''s part of v_iu_event_backlog';
GRANT SELECT ON iu_core.v_iu_composer_event_backlog TO iu_reader;
CREATE VIEW iu_core.v_iu_disable_ladder AS
SELECT 'L0' AS rung, 'iu_core.route_worker_enabled' AS subject, g.state, NOT g.is_open AS blocks, g.reason, g.changed_by, g.changed_at, g.expires_at, NULL::integer AS off, NULL::integer AS total,
       b.waiting AS would_release, 'no worker makes a pass; events are written and wait' AS stops, 'nothing' AS loses
FROM iu_core.v_iu_gate AS g, (SELECT coalesce(sum(pending), 0)::integer AS waiting FROM iu_core.v_iu_event_backlog) AS b WHERE g.gate = 'iu_core.route_worker_enabled'
UNION ALL
SELECT 'L1', g.gate, g.state, NOT g.is_open, g.reason, g.changed_by, g.changed_at, g.expires_at, NULL, NULL, h.held, 'nothing is routed; events are written on lane held', 'nothing: held events are released or discarded by a command'
FROM iu_core.v_iu_gate AS g, (SELECT count(*)::integer AS held FROM (SELECT FROM iu_core.v_iu_held_event LIMIT 10001) AS n) AS h WHERE g.gate = 'iu_core.routes_master_enabled'
UNION ALL
SELECT 'L2', 'routes', CASE WHEN r.off = 0 THEN 'open' WHEN r.off = r.total THEN 'closed' ELSE 'partly' END, r.total > 0 AND r.off = r.total, l.reason, l.actor, l.finished_at, NULL, r.off, r.total, NULL,
       'events of a disabled route are skipped as route_disabled', 'nothing: the skips are on record'
FROM (SELECT count(*)::integer AS total, count(*) FILTER (WHERE NOT enabled)::integer AS off FROM iu_core.iu_outbound_route) AS r
LEFT JOIN LATERAL (SELECT reason, actor, finished_at FROM iu_core.dot_iu_command_run WHERE command_code IN ('dot_iu_disable_route', 'dot_iu_enable_route') AND status = 'succeeded' ORDER BY id DESC LIMIT 1) AS l ON true
UNION ALL
SELECT 'L3', 'triggers', CASE WHEN t.total < 3 THEN 'missing' WHEN t.off = 0 THEN 'open' WHEN t.off = t.total THEN 'closed' ELSE 'partly' END, t.total < 3 OR t.off > 0, l.reason, l.actor, l.finished_at, NULL, t.off, t.total, NULL,
       'the unit family is not emitted: iu.created, iu.version_applied, iu.retired, iu.soft_deleted', 'those events, for good'
FROM (SELECT count(*)::integer AS total, count(*) FILTER (WHERE NOT enabled)::integer AS off FROM iu_core.v_iu_emitting_trigger) AS t
LEFT JOIN LATERAL (SELECT reason, actor, finished_at FROM iu_core.dot_iu_command_run WHERE command_code IN ('dot_iu_disable_triggers', 'dot_iu_enable_triggers') AND status = 'succeeded' ORDER BY id DESC LIMIT 1) AS l ON true;
ALTER VIEW iu_core.v_iu_disable_ladder OWNER TO iu_owner;
COMMENT ON VIEW iu_core.v_iu_disable_ladder IS 'The disable ladder L0 to L3: state, who, why, since, what opening would release, what the rung stops and loses';
GRANT SELECT ON iu_core.v_iu_disable_ladder TO iu_reader;
DROP FUNCTION iu_core.fn_iu_event_standing(integer);
DROP FUNCTION iu_core.fn_iu_event_judged(bigint[],bigint,bigint);
CREATE OR REPLACE FUNCTION iu_core.fn_iu_probe_scenario(p_scenario text)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION fn_iu_probe_scenario(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_probe_scenario(text) IS 'One scenario of the probe, A to H: what was found. It writes; fn_iu_probe is the one caller, and takes it back';
CREATE OR REPLACE VIEW iu_core.v_iu_event_claim AS
SELECT e.id AS event_id, e.xid, e.event_domain, e.event_type, e.created_at, c.worker_code,
       CASE
         WHEN c.system_identifier IS DISTINCT FROM (SELECT iu_core.fn_iu_system_identifier())
           OR pg_snapshot_xmin(c.snap_from) > (SELECT pg_snapshot_xmax(pg_current_snapshot())) THEN false
         WHEN pg_visible_in_snapshot(e.xid, c.snap_from) THEN true
         WHEN e.xid >= pg_snapshot_xmax(c.snap_from) AND e.id <= c.floor_id THEN true  -- no window looks below its floor
         WHEN e.xid = c.own_xid AND e.id <= c.own_last_id THEN true
         WHEN c.snap_to IS NULL OR e.id > c.last_id THEN false
         WHEN e.id <= c.trusted_id THEN e.xid NOT IN (SELECT pg_snapshot_xip(c.snap_to))
         ELSE pg_visible_in_snapshot(e.xid, c.snap_to)
       END AS is_passed, e.released_from
FROM iu_core.iu_route_worker_cursor AS c
JOIN iu_core.event_outbox AS e ON e.bucket BETWEEN c.bucket_from AND c.bucket_to AND e.delivery_lane <> 'held';
ALTER VIEW v_iu_event_claim OWNER TO iu_owner;
COMMENT ON VIEW v_iu_event_claim IS 'For every event that is not held: the worker whose it is, and whether that worker claims to be done with it. Accounting holds the claim against the attempts';
