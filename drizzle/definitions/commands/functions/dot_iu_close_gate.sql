-- requires: dot_config, fn_dot_gate_facts, fn_iu_gate_set, iu_core
CREATE FUNCTION iu_core.dot_iu_close_gate(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_gate constant text := p_params ->> 'gate';
  v_before jsonb;
BEGIN
  -- Judged on the row that is written: who is closing or opening it at this moment goes first.
  PERFORM FROM dot_config WHERE key = v_gate FOR UPDATE;
  v_before := fn_dot_gate_facts(v_gate);
  IF v_before ->> 'state' = 'closed' THEN
    RAISE EXCEPTION 'gate: % is closed already, by %: %', v_gate, v_before ->> 'by', v_before ->> 'reason' USING ERRCODE = 'IU016', COLUMN = 'gate';
  ELSIF v_before ->> 'state' IN ('missing', 'malformed') AND EXISTS (SELECT FROM iu_vocabulary WHERE term_class = 'gate' AND term = v_gate) THEN
    PERFORM fn_iu_gate_repair(v_gate);
  END IF;
  PERFORM fn_iu_gate_set(v_gate, false, coalesce(p_context ->> 'reason', 'a plan'));
  -- Only what was open is opened by an undo.
  RETURN fn_dot_gate_changed(v_gate, v_before, CASE WHEN v_before ->> 'state' = 'open' THEN
      jsonb_build_object('command', 'dot_iu_open_gate', 'params', jsonb_strip_nulls(jsonb_build_object('gate', v_gate, 'expires_at', v_before -> 'expires_at'))) END)
    || jsonb_build_object('irreversible', format('It was not open before, it was %s.', v_before ->> 'state'));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_close_gate(jsonb, jsonb) IS 'Closes a gate; it never waits behind a running command';
REVOKE ALL ON FUNCTION iu_core.dot_iu_close_gate(jsonb, jsonb) FROM PUBLIC;
