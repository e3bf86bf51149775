-- requires: fn_dot_frozen, fn_dot_letters, fn_dot_skipped, fn_iu_lock, iu_core, iu_replay_batch, v_iu_route_decision
-- Only starts it: fn_iu_replay_step does it. The plan freezes the ids, and tells what each would become just now.
CREATE FUNCTION iu_core.dot_iu_start_replay(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_what constant text := coalesce(p_params ->> 'what', 'dead_letters');
  v_ids bigint[];
  v_id bigint;
  v_total integer;
  v_result jsonb := '{}';
BEGIN
  PERFORM fn_iu_gate_require('iu_core.route_worker_enabled');
  PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
  IF v_what = 'skipped' AND (p_params ? 'cause' OR p_params ? 'failure_code' OR p_params ? 'event_type') THEN
    RAISE EXCEPTION 'what: skipped events are chosen by route and time' USING ERRCODE = 'IU002', COLUMN = 'what', HINT = 'Leave out cause, failure_code and event_type.';
  END IF;
  v_ids := CASE v_what WHEN 'skipped' THEN fn_dot_skipped(p_params, p_context, 500000) ELSE fn_dot_letters(p_params, p_context, 500000, true) END;
  -- The plan's number is the apply's, unless another was started between them.
  PERFORM fn_iu_lock('iu_core.iu_replay_job');
  SELECT coalesce(max(id), 0) + 1 INTO v_id FROM iu_replay_job;
  -- From here on no archive takes any of them; what one has taken since the plan is left out.
  SELECT CASE v_what WHEN 'skipped' THEN (SELECT count(*) FROM event_outbox WHERE id = ANY (v_ids)) ELSE (SELECT count(*) FROM iu_route_dead_letter WHERE id = ANY (v_ids) AND status = 'open') END INTO v_total;
  IF v_total = 0 THEN
    RAISE EXCEPTION 'all of them are resolved already' USING ERRCODE = 'IU016';
  ELSIF v_what = 'dead_letters' AND NOT EXISTS (SELECT FROM iu_route_dead_letter AS d LEFT JOIN iu_outbound_route AS r ON r.id = d.route_id
                                                WHERE d.id = ANY (v_ids) AND d.status = 'open' AND coalesce(r.enabled, true)) THEN
    -- Since the plan: that chooses none whose route is disabled.
    RAISE EXCEPTION 'nothing would be attempted: their route is disabled' USING ERRCODE = 'IU016', HINT = 'Enable the route first.';
  END IF;
  INSERT INTO iu_replay_job (id, what, filter, total, per_second, started_by)
  VALUES (v_id, v_what, p_params - 'what' - 'per_second', v_total, (p_params ->> 'per_second')::integer, fn_iu_actor());
  INSERT INTO iu_replay_batch (job_id, batch_no, event_ids, route_ids)
  SELECT v_id, (n - 1) / 1000, array_agg(event_id ORDER BY n), array_agg(route_id ORDER BY n)
  FROM (SELECT p.event_id, p.route_id, row_number() OVER (ORDER BY p.id) AS n
        FROM (SELECT d.id, d.event_id, d.route_id FROM iu_route_dead_letter AS d WHERE v_what = 'dead_letters' AND d.id = ANY (v_ids) AND d.status = 'open'
              UNION ALL
              SELECT e.id, e.id, r.id FROM event_outbox AS e CROSS JOIN iu_outbound_route AS r WHERE v_what = 'skipped' AND e.id = ANY (v_ids) AND r.route_code = p_params ->> 'route') AS p) AS numbered
  GROUP BY (n - 1) / 1000;
  IF NOT p_context ? 'frozen' THEN
    WITH pairs AS MATERIALIZED (
      SELECT p.event_id, p.route_id FROM iu_replay_batch AS b CROSS JOIN LATERAL unnest(b.event_ids, b.route_ids) AS p(event_id, route_id) WHERE b.job_id = v_id
    ), decided AS MATERIALIZED (
      -- Without the words: to tell what is wrong costs more than to see that something is.
      SELECT DISTINCT ON (p.event_id, p.route_id) p.event_id, p.route_id, w.route_id AS to_route_id,
             CASE WHEN w.decision IS NULL THEN 'no_route' WHEN w.decision = 'failed' THEN 'failed_again' WHEN w.decision = 'skipped' THEN w.failure_code ELSE 'replayed' END AS becomes
      FROM pairs AS p LEFT JOIN v_iu_route_decision AS w ON w.event_id = p.event_id AND (w.route_id = p.route_id OR p.route_id = 0)
      ORDER BY p.event_id, p.route_id, w.decision = 'failed' DESC NULLS LAST
    )
    SELECT jsonb_build_object(
      'would_become', (SELECT jsonb_object_agg(becomes, n) FROM (SELECT becomes, count(*) AS n FROM decided GROUP BY becomes) AS c),
      'sample', (SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('event', s.event_id, 'event_type', e.event_type, 'subject', e.event_subject_ref, 'becomes', s.becomes, 'because', left(w.failure_detail, 200))) ORDER BY s.event_id, s.route_id)
                 FROM (SELECT DISTINCT ON (n) * FROM (SELECT d.*, ntile(5) OVER (ORDER BY event_id, route_id) AS n FROM decided AS d) AS t ORDER BY n, event_id, route_id) AS s
                 JOIN event_outbox AS e ON e.id = s.event_id
                 LEFT JOIN v_iu_route_decision AS w ON w.event_id = s.event_id AND w.route_id = s.to_route_id))
    INTO v_result;
    IF v_result -> 'would_become' ?| ARRAY['replayed', 'failed_again'] IS NOT TRUE THEN
      RAISE EXCEPTION 'nothing would be attempted: no route takes them' USING ERRCODE = 'IU016', HINT = 'Register a route for the type, or discard the letters.';
    END IF;
  END IF;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('replay', v_id),
    'frozen', fn_dot_frozen(v_ids),
    'objects', jsonb_build_array(jsonb_build_object('ref', 'replay:' || v_id, 'change', 'create', 'after', jsonb_strip_nulls(jsonb_build_object('status', 'running', 'what', v_what, 'total', v_total, 'per_second', p_params -> 'per_second')))),
    'result', jsonb_build_object('replay', v_id, CASE v_what WHEN 'skipped' THEN 'events' ELSE 'letters' END, v_total) || v_result,
    'notes', CASE WHEN cardinality(v_ids) = 500000 THEN jsonb_build_array('At most 500,000 go into one replay: MORE may match.') ELSE '[]' END,
    'checks', jsonb_build_array(jsonb_build_object('name', 'replay_has_its_set', 'kind', 'replay_set', 'replay', v_id, 'total', v_total)),
    'irreversible', 'Attempts are history. Stop it to keep it from making more.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_start_replay(jsonb, jsonb) IS 'Starts a replay in the background over the dead letters, or the skipped events, that the plan froze';
REVOKE ALL ON FUNCTION iu_core.dot_iu_start_replay(jsonb, jsonb) FROM PUBLIC;
