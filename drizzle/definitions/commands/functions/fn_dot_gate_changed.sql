-- requires: fn_dot_gate_facts, fn_iu_gate_state, iu_core
CREATE FUNCTION iu_core.fn_dot_gate_changed(p_gate text, p_before jsonb, p_inverse jsonb)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT jsonb_build_object(
    'state', p_before,
    'objects', jsonb_build_array(jsonb_build_object('ref', 'gate:' || p_gate, 'change', 'update', 'before', p_before - 'by' - 'reason', 'after', fn_dot_gate_facts(p_gate) - 'by' - 'reason')),
    'result', jsonb_build_object('gate', p_gate, 'gate_state', fn_iu_gate_state(p_gate)),
    'checks', jsonb_build_array(jsonb_build_object('name', 'gate_is_' || fn_iu_gate_state(p_gate), 'kind', 'gate', 'gate', p_gate, 'state', fn_iu_gate_state(p_gate))),
    'inverse', p_inverse)
$$;
COMMENT ON FUNCTION iu_core.fn_dot_gate_changed(text, jsonb, jsonb) IS 'What the gate commands return; who and why are in the ledger''s row, so a plan''s diff does not depend on them';
REVOKE ALL ON FUNCTION iu_core.fn_dot_gate_changed(text, jsonb, jsonb) FROM PUBLIC;
