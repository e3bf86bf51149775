-- requires: dot_deviation_decision, fn_dot_deviation_decide, fn_dot_deviation_facts, fn_iu_lock, iu_core
-- It compares nothing, so that it works whatever has drifted: what is not accepted is drift.
CREATE FUNCTION iu_core.dot_iu_withdraw_acceptance(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_class constant text := p_params ->> 'class';
  v_identity constant text := p_params ->> 'object';
  v_decision dot_deviation_decision;
BEGIN
  PERFORM fn_iu_lock(format('iu_core.deviation %s %s', v_class, v_identity));
  IF fn_dot_deviation_facts(v_class, v_identity) ->> 'state' <> 'accepted' THEN
    RAISE EXCEPTION 'object: no deviation of % % is accepted', v_class, v_identity USING ERRCODE = 'IU016', COLUMN = 'object', HINT = 'v_dot_accepted names every deviation that is. One that has expired need not be withdrawn.';
  END IF;
  v_decision.class := v_class; v_decision.identity := v_identity; v_decision.reason := p_context ->> 'reason'; v_decision.decided_by := p_context ->> 'actor';
  RETURN fn_dot_deviation_decide(v_decision, 'null') || jsonb_build_object('notes', jsonb_build_array('Where it still deviates it is drift again at once, and refuses the commands that it serves.'));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_withdraw_acceptance(jsonb, jsonb) IS 'Withdraws the acceptance of a deviation: it is drift again';
REVOKE ALL ON FUNCTION iu_core.dot_iu_withdraw_acceptance(jsonb, jsonb) FROM PUBLIC;
