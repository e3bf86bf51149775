CREATE FUNCTION iu_core.fn_iu_gate_require(p_gate text)
RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_state text := fn_iu_gate_state(p_gate);
BEGIN
  IF v_state <> 'open' THEN
    RAISE EXCEPTION 'gate % is closed (%)', p_gate, v_state
      USING ERRCODE = 'IU001', COLUMN = p_gate,
            DETAIL = coalesce((SELECT format('%s by %s at %s: %s', value, changed_by, changed_at, reason) FROM dot_config WHERE key = p_gate), 'The gate has no row.'),
            HINT = format('Open it: iu gate open %s --reason TEXT', p_gate);
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_gate_require(text) IS 'Raises IU001 (gate_closed) with who closed it, when and why, unless the gate is open';
REVOKE ALL ON FUNCTION iu_core.fn_iu_gate_require(text) FROM PUBLIC;
