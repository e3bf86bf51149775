-- requires: dot_iu_command, fn_dot_drift_refused, fn_dot_works_in_drift, fn_iu_right_rank, gates, iu_core, v_iu_gate
CREATE FUNCTION iu_core.fn_dot_command_blocked(p_right text)
RETURNS TABLE (command_code text, code text, gate text, why text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH compared AS MATERIALIZED (SELECT fn_dot_drift_refused(false) AS refused)
  SELECT c.command_code,
         CASE WHEN fn_iu_right_rank(p_right) < fn_iu_right_rank(c.required_right) THEN 'forbidden' WHEN g.gate IS NOT NULL THEN 'gate_closed' WHEN d.object IS NOT NULL THEN 'drifted' END,
         CASE WHEN fn_iu_right_rank(p_right) >= fn_iu_right_rank(c.required_right) THEN g.gate END,
         CASE WHEN fn_iu_right_rank(p_right) < fn_iu_right_rank(c.required_right) THEN format('This needs the right %s; you have %s.', c.required_right, coalesce(p_right, 'none'))
              WHEN g.gate IS NOT NULL THEN format('Gate %s is %s%s.', g.gate, g.state, coalesce(': ' || nullif(g.reason, ''), ''))
              WHEN d.object IS NOT NULL THEN format('It needs %s, which is not as it was deployed.', d.object) END
  FROM dot_iu_command AS c
  CROSS JOIN compared AS f
  CROSS JOIN LATERAL (SELECT CASE WHEN NOT fn_dot_works_in_drift(c.command_code) THEN f.refused ->> c.command_code END AS object) AS d
  LEFT JOIN LATERAL (
    SELECT v.gate, v.state, v.reason FROM unnest(c.gates) WITH ORDINALITY AS n(gate, n)
    LEFT JOIN v_iu_gate AS v ON v.gate = n.gate WHERE v.is_open IS NOT TRUE ORDER BY n.n LIMIT 1
  ) AS g ON true
$$;
COMMENT ON FUNCTION iu_core.fn_dot_command_blocked(text) IS 'Per command: why somebody with this right may not apply it now (forbidden, gate_closed, drifted), or nulls when nothing is in the way';
REVOKE ALL ON FUNCTION iu_core.fn_dot_command_blocked(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_dot_command_blocked(text) TO iu_reader;
