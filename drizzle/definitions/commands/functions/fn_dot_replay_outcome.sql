-- requires: iu_core
CREATE FUNCTION iu_core.fn_dot_replay_outcome(p_results jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT jsonb_build_object(
    'code', CASE WHEN failed > 0 THEN CASE WHEN replayed = 0 THEN 'failed_again' ELSE 'partly_failed_again' END END,
    'would', format('%s would succeed, %s would fail again', replayed, failed) || CASE WHEN others > 0 THEN format(', %s would be left alone', others) ELSE '' END,
    'did', format('%s succeeded, %s failed again', replayed, failed) || CASE WHEN others > 0 THEN format(', %s left alone', others) ELSE '' END)
  FROM (SELECT coalesce(sum(n::integer) FILTER (WHERE outcome = 'replayed'), 0) AS replayed, coalesce(sum(n::integer) FILTER (WHERE outcome = 'failed_again'), 0) AS failed,
               coalesce(sum(n::integer) FILTER (WHERE outcome NOT IN ('replayed', 'failed_again')), 0) AS others
        FROM jsonb_each_text(p_results) AS r(outcome, n)) AS c
$$;
COMMENT ON FUNCTION iu_core.fn_dot_replay_outcome(jsonb) IS 'What came, or would come, of a replay, from how many of each outcome: a handler''s outcome';
REVOKE ALL ON FUNCTION iu_core.fn_dot_replay_outcome(jsonb) FROM PUBLIC;
