-- requires: dot_iu_history_unsealed, iu_replay_job, v_iu_route_decision, fn_iu_route_attempt_one
-- The one way in which anything is attempted again: pairs of event and route that have an open dead letter, or whose
-- latest attempt was a skip because the route was disabled. As fn_iu_route_page it decides a set in one statement; only
-- live routes are taken one by one. What would do nothing (the route is disabled, no route takes it) writes nothing.
CREATE FUNCTION iu_core.fn_iu_replay(p_event_ids bigint[], p_route_ids integer[], p_job_id bigint DEFAULT NULL)
RETURNS TABLE (event_id bigint, route_id integer, dead_letter_id bigint, to_route_id integer, attempt_no integer, decision text, failure_detail text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  v_actor constant text := fn_iu_actor();
  v_at timestamptz;
  v record;
BEGIN
  -- Letters first, in one order: whoever replays the same ones waits here, and finds them resolved.
  PERFORM FROM unnest(p_event_ids, p_route_ids) AS p(event_id, route_id)
  JOIN iu_route_dead_letter AS d ON d.status = 'open' AND d.event_id = p.event_id AND d.route_id = p.route_id
  ORDER BY d.id FOR UPDATE OF d;
  -- An archive takes no event that is being attempted, and what it took is not attempted.
  PERFORM FROM event_outbox AS e WHERE e.id = ANY (p_event_ids) ORDER BY e.id FOR KEY SHARE;

  v_at := clock_timestamp();
  FOR v IN
    WITH asked AS MATERIALIZED (
      SELECT p.event_id, p.route_id, d.id AS dead_letter_id, d.id IS NOT NULL OR coalesce(l.failure_code = 'route_disabled', false) AS is_open
      FROM (SELECT DISTINCT event_id, route_id FROM unnest(p_event_ids, p_route_ids) AS x(event_id, route_id)) AS p
      LEFT JOIN iu_route_dead_letter AS d ON d.status = 'open' AND d.event_id = p.event_id AND d.route_id = p.route_id
      LEFT JOIN LATERAL (SELECT a.failure_code FROM iu_route_attempt AS a WHERE a.event_id = p.event_id AND a.route_id = p.route_id ORDER BY a.attempt_no DESC LIMIT 1) AS l ON d.id IS NULL
    ), decided AS MATERIALIZED (
      SELECT a.*, w.route_id AS to_route_id, w.target_kind, w.target_ref, w.decision, w.failure_code, w.failure_detail,
             -- An event that no route had taken goes to every route that it has by now.
             a.is_open AND bool_or(coalesce(w.decision, 'skipped') <> 'skipped') OVER (PARTITION BY a.event_id, a.route_id) AS is_attempted,
             (SELECT coalesce(max(n.attempt_no), 0) + 1 FROM iu_route_attempt AS n WHERE n.event_id = a.event_id AND n.route_id = w.route_id) AS attempt_no
      FROM asked AS a
      LEFT JOIN v_iu_route_decision AS w ON w.event_id = a.event_id AND (w.route_id = a.route_id OR a.route_id = 0) AND a.is_open
    ), attempted AS (
      INSERT INTO iu_route_attempt AS a (event_id, route_id, attempt_no, status, failure_code, failure_detail, target_kind, target_ref, worker_code, created_at)
      SELECT event_id, to_route_id, attempt_no, decision, failure_code, failure_detail, target_kind, target_ref, 'replay', v_at
      FROM decided WHERE is_attempted AND decision <> 'live' ORDER BY event_id, to_route_id
      ON CONFLICT DO NOTHING
      RETURNING a.event_id, a.route_id, a.attempt_no, a.status, a.failure_code, a.failure_detail
    ), unsealed AS (
      INSERT INTO dot_iu_history_unsealed (what, row_keys)
      SELECT 'attempts', array_agg(concat_ws('/', event_id, route_id, attempt_no)) FROM attempted HAVING count(*) > 0
    ), dead AS (
      INSERT INTO iu_route_dead_letter AS d (event_id, route_id, attempt_no, failure_code, failure_detail, event_domain, event_type,
                                             event_subject_table, event_subject_ref, payload, actor, event_created_at, replay_job_id)
      SELECT e.id, a.route_id, a.attempt_no, a.failure_code, a.failure_detail, e.event_domain, e.event_type,
             e.event_subject_table, e.event_subject_ref, e.payload, e.actor, e.created_at, p_job_id
      FROM attempted AS a JOIN event_outbox AS e ON e.id = a.event_id
      WHERE a.status = 'failed' ORDER BY e.id, a.route_id
      ON CONFLICT (event_id, route_id) WHERE status = 'open'
      DO UPDATE SET attempt_no = excluded.attempt_no, failure_code = excluded.failure_code, failure_detail = excluded.failure_detail,
                    replay_job_id = coalesce(excluded.replay_job_id, d.replay_job_id)
    ), resolved AS (
      UPDATE iu_route_dead_letter AS d
      SET status = CASE WHEN r.is_rerouted THEN 'rerouted' ELSE 'replayed' END, resolved_at = clock_timestamp(), resolved_by = v_actor,
          resolved_attempt_no = CASE WHEN NOT r.is_rerouted THEN r.attempt_no END, replay_job_id = coalesce(p_job_id, d.replay_job_id)
      FROM (SELECT DISTINCT ON (x.dead_letter_id) x.dead_letter_id, x.attempt_no, x.route_id <> x.to_route_id AS is_rerouted
            FROM decided AS x LEFT JOIN attempted AS a ON a.event_id = x.event_id AND a.route_id = x.to_route_id
            WHERE x.dead_letter_id IS NOT NULL AND x.is_attempted
              AND CASE WHEN x.route_id <> x.to_route_id THEN x.decision = 'live' OR a.event_id IS NOT NULL ELSE a.status = 'dry_run' END) AS r
      WHERE d.id = r.dead_letter_id
    ), counted AS (
      SELECT fn_iu_route_rollup_add('replay', v_at, array_agg(c.route_id), array_agg(c.status), array_agg(c.n))
      FROM (SELECT route_id, status, count(*)::integer AS n FROM attempted GROUP BY route_id, status) AS c
      HAVING count(*) > 0
    )
    SELECT x.event_id, x.route_id, x.dead_letter_id, x.to_route_id, a.attempt_no, x.decision = 'live' AND x.is_attempted AS is_live, x.attempt_no AS next_no,
           CASE WHEN NOT x.is_open OR (x.is_attempted AND a.event_id IS NULL) THEN 'already_resolved'
                WHEN x.to_route_id IS NULL THEN 'no_route'
                WHEN NOT x.is_attempted THEN x.failure_code
                ELSE a.status END AS decision, a.failure_detail
    FROM decided AS x LEFT JOIN attempted AS a ON a.event_id = x.event_id AND a.route_id = x.to_route_id AND x.is_attempted
    WHERE (SELECT count(*) FROM counted) >= 0
    ORDER BY x.event_id, x.route_id, x.to_route_id
  LOOP
    event_id := v.event_id; route_id := v.route_id; dead_letter_id := v.dead_letter_id; to_route_id := v.to_route_id;
    attempt_no := v.attempt_no; decision := v.decision; failure_detail := v.failure_detail;
    IF v.is_live THEN
      decision := coalesce(fn_iu_route_attempt_one('replay', v.event_id, v.to_route_id, v.next_no), 'already_resolved');
      attempt_no := CASE WHEN decision <> 'already_resolved' THEN v.next_no END;
      IF decision = 'failed' THEN
        SELECT a.failure_detail INTO failure_detail FROM iu_route_attempt AS a WHERE a.event_id = v.event_id AND a.route_id = v.to_route_id AND a.attempt_no = v.next_no;
        UPDATE iu_route_dead_letter AS d SET replay_job_id = coalesce(p_job_id, d.replay_job_id)
        WHERE d.event_id = v.event_id AND d.route_id = v.to_route_id AND d.status = 'open';
      ELSIF decision = 'sent' THEN
        UPDATE iu_route_dead_letter AS d
        SET status = 'replayed', resolved_at = clock_timestamp(), resolved_by = v_actor, resolved_attempt_no = v.next_no, replay_job_id = coalesce(p_job_id, d.replay_job_id)
        WHERE d.id = v.dead_letter_id AND d.status = 'open';
      END IF;
    END IF;
    RETURN NEXT;
  END LOOP;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_replay(bigint[], integer[], bigint) IS 'Attempts pairs of event and route once more, each under its next number. One row a pair (one a route for an event that no route had taken): decision dry_run, sent, failed (dead-lettered again), skipped (one route of several is disabled), or nothing was written: already_resolved, route_disabled, no_route';
REVOKE ALL ON FUNCTION iu_core.fn_iu_replay(bigint[], integer[], bigint) FROM PUBLIC;
