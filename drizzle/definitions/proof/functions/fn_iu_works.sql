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
                 string_agg(format('%s: %s', worker_code, CASE WHEN healthy THEN 'healthy' ELSE array_to_string(reasons, '; ') END
                                     || coalesce((SELECT format('; inert: %s is %s by %s: %s', g.gate, g.state, g.changed_by, g.reason) FROM v_iu_gate AS g WHERE g.gate = blocked_by AND g.state NOT IN ('missing', 'malformed')), '')), ' · ' ORDER BY worker_code), (array_agg(accounting))[1]
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
