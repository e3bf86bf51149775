-- requires: dot_config, fn_iu_gate_repair, fn_iu_gate_set
-- Whoever is at a gate this moment goes first: the probe does not wait for them, and holds the row for the
-- few milliseconds of a scenario only.
CREATE FUNCTION iu_core.fn_iu_probe_gates(p_gates text[], p_open boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_gate text;
BEGIN
  FOREACH v_gate IN ARRAY p_gates LOOP
    CONTINUE WHEN fn_iu_gate_is_open(v_gate) = p_open;
    PERFORM FROM dot_config WHERE key = v_gate FOR UPDATE NOWAIT;
    PERFORM fn_iu_gate_repair(v_gate);
    PERFORM fn_iu_gate_set(v_gate, p_open, 'iu_probe');
  END LOOP;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_probe_gates(text[], boolean) IS 'Gates as a scenario of the probe needs them, until its subtransaction is taken back; 55P03 where somebody else is at one';
REVOKE ALL ON FUNCTION iu_core.fn_iu_probe_gates(text[], boolean) FROM PUBLIC;
