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
