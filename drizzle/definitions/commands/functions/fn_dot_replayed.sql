-- requires: fn_iu_replay, iu_core
CREATE FUNCTION iu_core.fn_dot_replayed(p_event_ids bigint[], p_route_ids integer[], p_meant integer)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_done record;
BEGIN
  WITH attempts AS MATERIALIZED (
    SELECT r.*, CASE WHEN r.attempt_no IS NULL THEN r.decision WHEN r.decision = 'failed' THEN 'failed_again' ELSE 'replayed' END AS outcome
    FROM fn_iu_replay(p_event_ids, p_route_ids) AS r
  ), pairs AS (
    -- The worst of what its routes say, where one goes to several.
    SELECT DISTINCT ON (event_id, route_id) * FROM attempts
    ORDER BY event_id, route_id, outcome = 'failed_again' DESC, outcome = 'replayed' DESC, to_route_id
  )
  SELECT (SELECT count(*) FROM attempts WHERE attempt_no IS NOT NULL) AS attempts,
         (SELECT jsonb_object_agg(outcome, n) FROM (SELECT outcome, count(*) AS n FROM pairs GROUP BY outcome) AS c) AS results,
         (SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('dead_letter', p.dead_letter_id, 'event', p.event_id, 'event_type', e.event_type, 'subject', e.event_subject_ref, 'becomes', p.outcome, 'because', left(p.failure_detail, 200))) ORDER BY p.event_id, p.route_id)
          FROM (SELECT * FROM pairs ORDER BY event_id, route_id LIMIT 5) AS p JOIN event_outbox AS e ON e.id = p.event_id) AS sample
  INTO v_done;
  IF v_done.attempts = 0 THEN
    RAISE EXCEPTION 'nothing would be attempted: %',
        coalesce((SELECT string_agg(value || ' ' || replace(key, '_', ' '), ', ' ORDER BY key) FROM jsonb_each_text(v_done.results)), 'all of them are resolved already')
      USING ERRCODE = 'IU016', HINT = 'Enable the route, or register one for the type; then plan again.';
  END IF;
  RETURN jsonb_build_object('attempts', v_done.attempts, 'sample', v_done.sample, 'results',
    v_done.results || CASE WHEN p_meant > cardinality(p_event_ids) THEN jsonb_build_object('already_resolved', p_meant - cardinality(p_event_ids) + coalesce((v_done.results ->> 'already_resolved')::integer, 0)) ELSE '{}' END);
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_replayed(bigint[], integer[], integer) IS 'Attempts pairs once more and tells it as a handler''s result: attempts, results by outcome, and a sample; IU016 when nothing was attempted';
REVOKE ALL ON FUNCTION iu_core.fn_dot_replayed(bigint[], integer[], integer) FROM PUBLIC;
