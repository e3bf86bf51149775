-- requires: dot_config, fn_dot_instant, fn_dot_gate_facts, fn_iu_gate_set, iu_core
CREATE FUNCTION iu_core.dot_iu_open_gate(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_gate constant text := p_params ->> 'gate';
  v_before jsonb;
  v_expires timestamptz;
BEGIN
  -- Judged on the row that is written: who is closing or opening it at this moment goes first.
  PERFORM FROM dot_config WHERE key = v_gate FOR UPDATE;
  v_before := fn_dot_gate_facts(v_gate);
  v_expires := fn_dot_instant(p_params, 'expires_at');
  IF v_before ->> 'state' = 'open' AND v_expires IS NOT DISTINCT FROM (v_before ->> 'expires_at')::timestamptz THEN
    RAISE EXCEPTION 'gate: % is open already', v_gate USING ERRCODE = 'IU016', COLUMN = 'gate';
  -- Who closed it, or gave it the end that has come, does not open it: the second person. The schema's owner is no person, and could write the row anyway.
  ELSIF v_before ->> 'state' IN ('closed', 'expired') AND v_before ->> 'by' = p_context ->> 'actor' AND p_context ->> 'actor_kind' <> 'owner' THEN
    RAISE EXCEPTION 'gate: % %, and does not open it again', p_context ->> 'actor', CASE v_before ->> 'state' WHEN 'closed' THEN 'closed it' ELSE 'gave it the end that has come' END
      USING ERRCODE = 'IU018', COLUMN = 'gate', HINT = 'Ask another approver.';
  ELSIF v_before ->> 'state' IN ('missing', 'malformed') AND EXISTS (SELECT FROM iu_vocabulary WHERE term_class = 'gate' AND term = v_gate) THEN
    PERFORM fn_iu_gate_repair(v_gate);
  END IF;
  PERFORM fn_iu_gate_set(v_gate, true, coalesce(p_context ->> 'reason', 'a plan'), v_expires);
  -- One that was open already, until another time, is open until that time again.
  RETURN fn_dot_gate_changed(v_gate, v_before, CASE v_before ->> 'state'
      WHEN 'open' THEN jsonb_build_object('command', 'dot_iu_open_gate', 'params', jsonb_strip_nulls(jsonb_build_object('gate', v_gate, 'expires_at', v_before -> 'expires_at')))
      ELSE jsonb_build_object('command', 'dot_iu_close_gate', 'params', jsonb_build_object('gate', v_gate)) END)
    || jsonb_build_object('notes', fn_dot_gate_would_release(v_gate));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_open_gate(jsonb, jsonb) IS 'Opens a gate, until a time where one is given';
REVOKE ALL ON FUNCTION iu_core.dot_iu_open_gate(jsonb, jsonb) FROM PUBLIC;
