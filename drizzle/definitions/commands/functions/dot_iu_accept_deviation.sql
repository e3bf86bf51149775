-- requires: dot_deviation_decision, fn_dot_compare, fn_dot_deviation_decide, fn_dot_deviation_facts, fn_dot_instant, fn_dot_word, fn_iu_lock, iu_core
CREATE FUNCTION iu_core.dot_iu_accept_deviation(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET TimeZone = 'UTC'
AS $$
DECLARE
  v_class constant text := p_params ->> 'class';
  v_identity constant text := p_params ->> 'object';
  v_expires constant timestamptz := fn_dot_instant(p_params, 'expires_at');
  v_compared jsonb;
  v_found jsonb;
  v_decision dot_deviation_decision;
BEGIN
  IF v_expires <= clock_timestamp() OR v_expires > clock_timestamp() + interval '366 days' THEN
    RAISE EXCEPTION 'expires_at: an acceptance holds for a year at most, and its end is not past' USING ERRCODE = 'IU002', COLUMN = 'expires_at', HINT = 'Write a time within the next 366 days, as in 2030-01-31T12:00:00Z.';
  END IF;
  -- Two decisions on one object take turns.
  PERFORM fn_iu_lock(format('iu_core.deviation %s %s', v_class, v_identity));
  v_compared := fn_dot_compare(ARRAY[v_class, 'principal']);
  IF v_compared ->> 'digest' IS NULL THEN
    RAISE EXCEPTION 'object: it cannot be said now whether % % has drifted', v_class, v_identity USING ERRCODE = 'IU003', COLUMN = 'object', HINT = v_compared ->> 'why';
  -- A login that nobody admitted yet admits neither itself nor anybody else.
  ELSIF p_context ->> 'actor_kind' = 'login' AND EXISTS (
    SELECT FROM jsonb_array_elements(v_compared -> 'objects') AS o
    WHERE o ->> 'class' = 'principal' AND (o ->> 'identity' ~ fn_dot_word(quote_ident(session_user))
      OR o ->> 'identity' LIKE 'member %' AND EXISTS (SELECT FROM pg_roles AS r WHERE starts_with(o ->> 'identity', format('member %I of ', r.rolname)) AND pg_has_role(session_user, r.oid, 'MEMBER')))) THEN
    RAISE EXCEPTION 'object: % has drifted itself as a principal, and accepts nothing', p_context ->> 'actor' USING ERRCODE = 'IU018', COLUMN = 'object', HINT = 'Ask another approver.';
  END IF;
  SELECT o INTO v_found FROM jsonb_array_elements((v_compared -> 'objects') || (v_compared -> 'accepted')) AS o WHERE (o ->> 'class', o ->> 'identity') = (v_class, v_identity);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'object: % % has not drifted, so there is nothing to accept', v_class, v_identity USING ERRCODE = 'IU016', COLUMN = 'object', HINT = 'Conformance (v_dot_drift) names every object that has drifted, as it is written there.';
  ELSIF v_found ->> 'state' = 'unknown' THEN
    RAISE EXCEPTION 'object: % % is unknown, and only what is known can be accepted', v_class, v_identity USING ERRCODE = 'IU003', COLUMN = 'object', HINT = v_found ->> 'suggested_action';
  ELSIF v_class = 'other' AND v_identity NOT LIKE 'default privileges%' THEN
    RAISE EXCEPTION 'object: of % % only the name is compared, so it cannot be accepted as it is now', v_class, v_identity USING ERRCODE = 'IU003', COLUMN = 'object', HINT = 'Drop it, or keep it in a schema of your own.';
  ELSIF v_found ->> 'digest' <> p_params ->> 'digest' THEN
    RAISE EXCEPTION 'digest: % % deviates otherwise now', v_class, v_identity USING ERRCODE = 'IU014', COLUMN = 'digest',
      HINT = format('Read in Conformance (v_dot_drift) what differs now. The digest of that is %s.', v_found ->> 'digest');
  ELSIF v_found ? 'accepted_by' AND (v_found ->> 'owner', (v_found ->> 'expires_at')::timestamptz) = (p_params ->> 'owner', v_expires) THEN
    RAISE EXCEPTION 'object: % % is accepted already, by % until %', v_class, v_identity, v_found ->> 'accepted_by', v_expires USING ERRCODE = 'IU016', COLUMN = 'object';
  END IF;
  v_decision.class := v_class; v_decision.identity := v_identity; v_decision.digest := v_found ->> 'digest';
  v_decision.owner := p_params ->> 'owner'; v_decision.expires_at := v_expires; v_decision.reason := p_context ->> 'reason'; v_decision.decided_by := p_context ->> 'actor';
  RETURN fn_dot_deviation_decide(v_decision, jsonb_build_object('state', v_found -> 'state', 'sha256', v_found -> 'digest'))
    || jsonb_build_object('notes', jsonb_build_array(format('%s %s is %s. It refuses no command until %s.', v_class, v_identity, v_found ->> 'state', to_char(v_expires, 'YYYY-MM-DD HH24:MI "UTC"')),
                                                     'It is drift again then, and before that when it changes once more.'));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_accept_deviation(jsonb, jsonb) IS 'Accepts one object that has drifted, exactly as it is now, until a time';
REVOKE ALL ON FUNCTION iu_core.dot_iu_accept_deviation(jsonb, jsonb) FROM PUBLIC;
