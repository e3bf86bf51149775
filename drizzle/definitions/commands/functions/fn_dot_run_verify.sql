-- requires: dot_iu_command_run, iu_core
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
    v_results := v_results || (
      SELECT jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('name', 'events_written', 'ok', count(*) = (p_target).event_count,
               'detail', CASE WHEN count(*) <> (p_target).event_count THEN format('want %s, have %s', (p_target).event_count, count(*)) END)))
      FROM event_outbox WHERE id BETWEEN (p_target).event_from AND (p_target).event_to AND xid = (p_target).xid);
  END IF;
  RETURN fn_dot_run_write(p_run, jsonb_build_object('results', v_results,
    'status', CASE WHEN EXISTS (SELECT FROM jsonb_array_elements(v_results) AS r WHERE NOT (r -> 'ok')::boolean) THEN 'unverified' ELSE 'verified' END));
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_run_verify(iu_core.dot_iu_command_run, iu_core.dot_iu_command_run) IS 'Checks a run''s named postconditions against the present state and writes the result: verified, or unverified with what differs';
REVOKE ALL ON FUNCTION iu_core.fn_dot_run_verify(iu_core.dot_iu_command_run, iu_core.dot_iu_command_run) FROM PUBLIC;
