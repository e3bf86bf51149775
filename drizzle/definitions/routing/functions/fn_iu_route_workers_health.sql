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
  v_locked_by text;
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

  FOR worker_code, last_pass_at, last_pass_seen, locked_since, v_locked_by, held_back_since, oldest_snapshot_at, backlog, oldest_unrouted_at, backlog_is_exact, accounting IN
    WITH standing AS MATERIALIZED (
      SELECT s.worker_code, sum(s.waiting) AS waiting, min(s.oldest_at) AS oldest_at, bool_and(s.is_exact) AS is_exact, (array_agg(s.account))[1] AS account FROM fn_iu_event_standing() AS s GROUP BY s.worker_code
    ), activity AS MATERIALIZED (
      SELECT a.pid, a.usename, a.xact_start, a.backend_xid::text::numeric AS xid, a.backend_xmin IS NOT NULL AND a.backend_type = 'client backend' AS has_snapshot
      FROM pg_stat_activity AS a WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
    ), writing AS MATERIALIZED (
      -- A prepared transaction has no session.
      SELECT a.xact_start AS since, a.xid FROM activity AS a WHERE a.xid IS NOT NULL
      UNION ALL
      SELECT p.prepared, p.transaction::text::numeric FROM pg_prepared_xacts AS p WHERE p.database = current_database()
    ), locked AS MATERIALIZED (
      -- A pass holds its lock for milliseconds; who holds it long keeps every other process from this cursor.
      SELECT l.objid::bigint AS lock_no, min(a.xact_start) AS since, min(format('%s, process %s', a.usename, a.pid)) AS who
      FROM pg_locks AS l JOIN activity AS a ON a.pid = l.pid
      WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND l.classid::bigint = hashtext('iu_core.iu_route_worker_cursor')::bigint & 4294967295
      GROUP BY l.objid
    )
    SELECT c.worker_code, c.last_pass_at, c.last_pass_seen, l.since, l.who,
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
      reasons := reasons || format('another session (%s) has held the cursor since %s', v_locked_by, to_char(locked_since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'));
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
