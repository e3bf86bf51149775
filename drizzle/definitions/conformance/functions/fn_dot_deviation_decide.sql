-- requires: dot_deviation_decision, fn_dot_deviation_facts, iu_core
CREATE FUNCTION iu_core.fn_dot_deviation_decide(p_decision iu_core.dot_deviation_decision, p_state jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_before constant jsonb := fn_dot_deviation_facts((p_decision).class, (p_decision).identity);
  v_object constant jsonb := jsonb_build_object('class', (p_decision).class, 'object', (p_decision).identity);
  v_after jsonb;
BEGIN
  INSERT INTO dot_deviation_decision (class, identity, digest, owner, expires_at, reason, decided_by)
  VALUES ((p_decision).class, (p_decision).identity, (p_decision).digest, (p_decision).owner, (p_decision).expires_at, coalesce((p_decision).reason, 'a plan'), (p_decision).decided_by);
  v_after := fn_dot_deviation_facts((p_decision).class, (p_decision).identity);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('before', v_before, 'deviation', p_state),
    'objects', jsonb_build_array(jsonb_build_object('ref', format('deviation:%s %s', (p_decision).class, (p_decision).identity), 'change', 'update', 'before', v_before, 'after', v_after)),
    'result', v_after,
    'checks', jsonb_build_array(jsonb_build_object('name', CASE WHEN (p_decision).digest IS NULL THEN 'acceptance_is_withdrawn' ELSE 'deviation_is_accepted' END, 'kind', 'acceptance',
                'class', (p_decision).class, 'identity', (p_decision).identity, 'sha256', v_after -> 'sha256')),
    -- What was accepted before, until another time or by another owner, is accepted so again.
    'inverse', CASE WHEN v_before ->> 'state' = 'accepted' AND (v_after ->> 'state' = 'drift' OR v_before -> 'sha256' = v_after -> 'sha256')
      THEN jsonb_build_object('command', 'dot_iu_accept_deviation', 'params', v_object || jsonb_build_object('digest', v_before -> 'sha256', 'owner', v_before -> 'owner', 'expires_at', to_char((v_before ->> 'expires_at')::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')))
      ELSE jsonb_build_object('command', 'dot_iu_withdraw_acceptance', 'params', v_object) END);
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_deviation_decide(iu_core.dot_deviation_decision, jsonb) IS 'Writes a decision on a deviation down, and returns what its command returns; p_state is what was read of the deviation';
REVOKE ALL ON FUNCTION iu_core.fn_dot_deviation_decide(iu_core.dot_deviation_decision, jsonb) FROM PUBLIC;
