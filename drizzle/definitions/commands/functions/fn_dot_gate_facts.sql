-- requires: dot_config, fn_iu_gate_state, iu_core
CREATE FUNCTION iu_core.fn_dot_gate_facts(p_gate text)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT jsonb_strip_nulls(jsonb_build_object('state', fn_iu_gate_state(p_gate), 'expires_at', c.expires_at, 'by', c.changed_by, 'reason', c.reason))
  FROM (SELECT) AS one LEFT JOIN dot_config AS c ON c.key = p_gate
$$;
COMMENT ON FUNCTION iu_core.fn_dot_gate_facts(text) IS 'A gate in a plan''s diff';
REVOKE ALL ON FUNCTION iu_core.fn_dot_gate_facts(text) FROM PUBLIC;
