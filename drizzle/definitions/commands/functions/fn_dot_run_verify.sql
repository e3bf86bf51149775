-- requires: dot_iu_command_run, iu_core, v_iu_archive
CREATE FUNCTION iu_core.fn_dot_run_verify(p_run iu_core.dot_iu_command_run, p_target iu_core.dot_iu_command_run)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_results jsonb;
BEGIN
  SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('name', c ->> 'name', 'ok', d.detail IS NULL, 'detail', d.detail)) ORDER BY n), '[]') INTO v_results
  FROM jsonb_array_elements((p_target).receipt -> 'checks') WITH ORDINALITY AS x(c, n)
  CROSS JOIN LATERAL (SELECT fn_dot_check(c) AS detail OFFSET 0) AS d;
  IF (p_target).event_count > 0 THEN
    -- Events that were archived since were counted there, each of them.
    v_results := v_results || (
      SELECT jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('name', 'events_written', 'ok', n = (p_target).event_count OR n < (p_target).event_count AND is_archived,
               'detail', CASE WHEN n < (p_target).event_count AND is_archived THEN format('%s of %s are archived', (p_target).event_count - n, (p_target).event_count)
                              WHEN n <> (p_target).event_count THEN format('want %s, have %s', (p_target).event_count, n) END)))
      FROM (SELECT count(*) AS n FROM event_outbox WHERE id BETWEEN (p_target).event_from AND (p_target).event_to AND xid = (p_target).xid) AS counted,
           (SELECT EXISTS (SELECT FROM v_iu_archive WHERE first_id <= (p_target).event_to AND last_id >= (p_target).event_from AND is_removed) AS is_archived) AS archives);
  END IF;
  RETURN fn_dot_run_write(p_run, jsonb_build_object('results', v_results,
    'status', CASE WHEN EXISTS (SELECT FROM jsonb_array_elements(v_results) AS r WHERE NOT (r -> 'ok')::boolean) THEN 'unverified' ELSE 'verified' END));
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_run_verify(iu_core.dot_iu_command_run, iu_core.dot_iu_command_run) IS 'Checks a run''s named postconditions against the present state and writes the result: verified, or unverified with what differs';
REVOKE ALL ON FUNCTION iu_core.fn_dot_run_verify(iu_core.dot_iu_command_run, iu_core.dot_iu_command_run) FROM PUBLIC;
