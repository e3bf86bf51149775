-- requires: dot_config
-- The one place that says what a row of dot_config means.
CREATE FUNCTION iu_core.fn_iu_gate_state(p_gate text)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  RETURN coalesce((
    SELECT CASE
      WHEN value_type <> 'gate' OR value NOT IN ('true', 'false') THEN 'malformed'
      WHEN value = 'false' THEN 'closed'
      WHEN expires_at <= clock_timestamp() THEN 'expired'
      ELSE 'open'
    END
    FROM dot_config WHERE key = p_gate), 'missing');
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_gate_state(text) IS 'open, closed, expired, malformed or missing; only ''open'' lets anything through';
REVOKE ALL ON FUNCTION iu_core.fn_iu_gate_state(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_gate_state(text) TO iu_reader;
