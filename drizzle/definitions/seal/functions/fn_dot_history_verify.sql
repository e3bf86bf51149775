-- requires: dot_iu_command_run, fn_dot_history_differs, iu_route_attempt_rollup, v_iu_archive
CREATE FUNCTION iu_core.fn_dot_history_verify()
RETURNS TABLE (ok boolean, problems text[], rows_sealed bigint, blocks bigint, blocks_unsealed bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_archived int8multirange;
  v_is_counted boolean;
  v_what text;
  v record;
BEGIN
  -- An archive that was removed before its events were written down hides whatever lies between its first and its last.
  SELECT coalesce(range_agg(coalesce(m.event_ids, int8multirange(int8range(a.first_id, a.last_id, '[]')))), '{}'), coalesce(bool_and(m.attempt_counts IS NOT NULL), true)
  INTO v_archived, v_is_counted
  FROM (SELECT DISTINCT ON (x.archive_id) x.archive_id, x.move, x.event_ids, x.attempt_counts FROM iu_archive_move AS x ORDER BY x.archive_id, x.id DESC) AS m
  JOIN iu_archive AS a ON a.id = m.archive_id WHERE m.move = 'removed';

  problems := '{}';
  FOR v_what IN SELECT k.what FROM fn_dot_history_kinds() AS k LOOP
    problems := problems || ARRAY(SELECT fn_dot_history_differs(v_what, v_archived));
  END LOOP;

  -- The clock may go back; then nothing is said of that block.
  SELECT b.seal_no, t.id, t.created_at, count(*) OVER () AS n INTO v
  FROM dot_iu_history_block AS b CROSS JOIN LATERAL unnest(b.row_keys) AS k JOIN event_outbox AS t ON t.id = k::bigint
  WHERE b.what = 'events' AND b.sealed_at > b.written_after AND (t.created_at < b.written_after - interval '1 minute' OR t.created_at > b.sealed_at + interval '1 minute')
  ORDER BY b.seal_no, t.id LIMIT 1;
  IF v.n IS NOT NULL THEN
    problems := problems || format('link %s: event %s says it was written at %s, and was not%s', v.seal_no, v.id, to_char(v.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"'), CASE WHEN v.n > 1 THEN format(' (and %s more)', v.n - 1) ELSE '' END);
  END IF;

  -- A letter stands for its attempts, and says of them what they say.
  SELECT a.event_id, a.route_id, a.attempt_no, count(*) OVER () AS n INTO v FROM iu_route_attempt AS a
  WHERE a.status = 'failed' AND NOT EXISTS (SELECT FROM iu_route_dead_letter AS d WHERE d.event_id = a.event_id AND d.route_id = a.route_id)
  ORDER BY a.event_id, a.route_id, a.attempt_no LIMIT 1;
  IF v.n IS NOT NULL THEN
    problems := problems || format('attempt %s/%s/%s failed, and its dead letter is gone%s', v.event_id, v.route_id, v.attempt_no, CASE WHEN v.n > 1 THEN format(' (and %s more)', v.n - 1) ELSE '' END);
  END IF;
  SELECT l.id, l.status, count(*) OVER () AS n INTO v
  FROM iu_route_dead_letter AS l
  WHERE NOT l.event_id <@ v_archived AND NOT coalesce(
    EXISTS (SELECT FROM iu_route_attempt AS a WHERE (a.event_id, a.route_id, a.attempt_no, a.status, a.failure_code) = (l.event_id, l.route_id, l.attempt_no, 'failed', l.failure_code)
                                                    AND coalesce(a.failure_detail, '') = l.failure_detail)
    AND CASE l.status
      WHEN 'open' THEN NOT EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = l.event_id AND a.route_id = l.route_id AND a.attempt_no > l.attempt_no)
        AND NOT (l.route_id = 0 AND EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = l.event_id AND a.route_id > 0 AND a.worker_code = 'replay' AND a.status IN ('dry_run', 'sent')))
        -- What was given up or corrected stays so: neither command can be undone.
        AND NOT EXISTS (SELECT FROM dot_iu_command_run AS r WHERE r.object_refs @> ARRAY['dead_letter:' || l.id] AND r.status = 'succeeded' AND r.mode = 'apply'
                                                                  AND r.command_code IN ('dot_iu_discard_dead_letter', 'dot_iu_discard_dead_letters', 'dot_iu_correct_dead_letter'))
      WHEN 'replayed' THEN EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = l.event_id AND a.route_id = l.route_id AND a.attempt_no = l.resolved_attempt_no AND a.status IN ('dry_run', 'sent'))
      WHEN 'rerouted' THEN EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = l.event_id AND a.route_id <> l.route_id AND a.worker_code = 'replay')
      WHEN 'corrected' THEN EXISTS (SELECT FROM dot_iu_command_run AS r WHERE r.object_refs @> ARRAY['dead_letter:' || l.id, 'event:' || l.corrected_by_event_id] AND r.status = 'succeeded' AND r.command_code = 'dot_iu_correct_dead_letter')
      WHEN 'discarded' THEN EXISTS (SELECT FROM dot_iu_command_run AS r WHERE r.object_refs @> ARRAY['dead_letter:' || l.id] AND r.status = 'succeeded' AND r.actor = l.resolved_by
                                                                             AND r.command_code IN ('dot_iu_discard_dead_letter', 'dot_iu_discard_dead_letters'))
    END, false)
  ORDER BY l.id LIMIT 1;
  IF v.n IS NOT NULL THEN
    problems := problems || format('dead letter %s is %s, and no attempt or run made it so%s', v.id, v.status, CASE WHEN v.n > 1 THEN format(' (and %s more)', v.n - 1) ELSE '' END);
  END IF;

  SELECT r.id, count(*) OVER () AS n INTO v FROM iu_archive AS r
  WHERE NOT EXISTS (SELECT FROM dot_iu_command_run AS c WHERE c.object_refs @> ARRAY['archive:' || r.file_name] AND c.status = 'succeeded' AND c.command_code = 'dot_iu_record_archive')
  ORDER BY r.id LIMIT 1;
  IF v.n IS NOT NULL THEN
    problems := problems || format('archive %s was put on record by no run of the ledger', v.id);
  END IF;

  SELECT c.*, count(*) OVER () AS n INTO v
  FROM (SELECT r.id, r.event_count, count(e.id) AS found
        FROM dot_iu_command_run AS r LEFT JOIN event_outbox AS e ON e.xid = r.xid AND e.id BETWEEN r.event_from AND r.event_to
        WHERE r.event_count > 0 AND NOT int8range(r.event_from, r.event_to, '[]') && v_archived
          AND r.mode <> 'plan' GROUP BY r.id) AS c
  WHERE c.found <> c.event_count ORDER BY c.id LIMIT 1;
  IF v.n IS NOT NULL THEN
    problems := problems || format('run %s wrote %s events, and there are %s%s', v.id, v.event_count, v.found, CASE WHEN v.n > 1 THEN format(' (and %s more)', v.n - 1) ELSE '' END);
  END IF;
  SELECT a.event_id, count(*) OVER () AS n INTO v FROM iu_route_attempt AS a
  WHERE NOT EXISTS (SELECT FROM event_outbox AS e WHERE e.id = a.event_id) ORDER BY a.event_id LIMIT 1;
  IF v.n IS NOT NULL THEN
    problems := problems || format('event %s was attempted, and is gone%s', v.event_id, CASE WHEN v.n > 1 THEN format(' (and %s more)', v.n - 1) ELSE '' END);
  END IF;

  -- Roll-ups count what is archived too; where an old archive does not say what it took, only their sum can be held.
  SELECT k.*, count(*) OVER () AS n INTO v
  FROM (SELECT coalesce(c.worker_code, r.worker_code) AS worker_code, coalesce(c.span_start, r.span_start) AS span_start, coalesce(c.route_id, r.route_id) AS route_id, coalesce(c.status, r.status) AS status,
               coalesce(c.n, 0) AS counted, coalesce(r.attempts, 0) AS kept
        FROM (SELECT worker_code, span_start, route_id, status, sum(n) AS n
              FROM (SELECT a.worker_code, date_trunc('hour', a.created_at, 'UTC') AS hour, a.route_id, a.status, count(*) AS n FROM iu_route_attempt AS a GROUP BY 1, 2, 3, 4
                    UNION ALL
                    SELECT x.worker_code, to_timestamp(x.hour), x.route_id, x.status, x.attempts
                    FROM (SELECT DISTINCT ON (y.archive_id) y.move, y.attempt_counts FROM iu_archive_move AS y ORDER BY y.archive_id, y.id DESC) AS m
                    CROSS JOIN LATERAL jsonb_to_recordset(m.attempt_counts) AS x(worker_code text, hour bigint, route_id integer, status text, attempts bigint) WHERE m.move = 'removed') AS p
              CROSS JOIN LATERAL (VALUES ('-infinity'::timestamptz), (p.hour)) AS s(span_start)
              GROUP BY 1, 2, 3, 4) AS c
        FULL JOIN iu_route_attempt_rollup AS r ON (r.worker_code, r.span_start, r.route_id, r.status) = (c.worker_code, c.span_start, c.route_id, c.status)) AS k
  WHERE CASE WHEN v_is_counted THEN k.counted <> k.kept ELSE k.counted > k.kept END
  ORDER BY k.worker_code, k.span_start, k.route_id, k.status LIMIT 1;
  IF v.n IS NOT NULL THEN
    problems := problems || format('the roll-up of %s, route %s, %s, %s counts %s attempts, and there are %s%s', v.worker_code, v.route_id, v.status,
      CASE WHEN isfinite(v.span_start) THEN to_char(v.span_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:00"Z"') ELSE 'all time' END, v.kept, v.counted, CASE WHEN v.n > 1 THEN format(' (and %s more)', v.n - 1) ELSE '' END);
  END IF;

  SELECT coalesce(sum(cardinality(b.row_keys)), 0), count(*) INTO rows_sealed, blocks FROM dot_iu_history_block AS b;
  SELECT count(*) INTO blocks_unsealed FROM dot_iu_history_unsealed;
  ok := cardinality(problems) = 0;
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_history_verify() IS 'Recounts the history: every sealed row is compared with its digest, every row must be sealed or be about to be, dead letters and roll-ups are held against the attempts and the ledger. ok, or what differs, the first of each named. It takes as long as there are rows';
REVOKE ALL ON FUNCTION iu_core.fn_dot_history_verify() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_dot_history_verify() TO iu_reader;
