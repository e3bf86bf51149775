-- requires: fn_dot_account, fn_dot_own_password, fn_iu_token, iu_api_token, iu_core
CREATE FUNCTION iu_core.dot_iu_issue_token(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_token constant text := 'iut_' || fn_iu_token();
  v_account constant text := p_context ->> 'actor';
  v_expires timestamptz;
  v_wrong text;
  v_id bigint;
BEGIN
  IF NOT p_context ? 'account_id' THEN
    RAISE EXCEPTION 'a token belongs to an account, and % is none', v_account USING ERRCODE = 'IU013', HINT = 'Sign in with an account.';
  ELSIF p_context ->> 'actor_kind' = 'token' THEN
    RAISE EXCEPTION 'a token does not issue tokens' USING ERRCODE = 'IU013', HINT = 'Sign in with the password.';
  END IF;
  PERFORM fn_dot_own_password(fn_dot_account(v_account), p_params ->> 'current_key');
  BEGIN
    v_expires := (p_params ->> 'expires_at')::timestamptz;
  EXCEPTION WHEN invalid_datetime_format OR datetime_field_overflow OR invalid_time_zone_displacement_value THEN
    RAISE EXCEPTION 'expires_at: "%" is no time', left(p_params ->> 'expires_at', 80) USING ERRCODE = 'IU002', COLUMN = 'expires_at', HINT = 'Write it as 2030-01-31T12:00:00Z.';
  END;
  IF v_expires <= clock_timestamp() OR v_expires > clock_timestamp() + interval '366 days' THEN
    RAISE EXCEPTION 'expires_at: a token lives for a year at most' USING ERRCODE = 'IU002', COLUMN = 'expires_at';
  END IF;
  SELECT s INTO v_wrong FROM jsonb_array_elements_text(p_params -> 'scopes') AS s WHERE s NOT IN ('read', '*') AND NOT EXISTS (SELECT FROM dot_iu_command WHERE command_code = s) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'scopes: "%" is no scope', v_wrong USING ERRCODE = 'IU002', COLUMN = 'scopes', HINT = 'read, a command''s code, or *.';
  END IF;
  INSERT INTO iu_api_token (account_id, label, token_digest, scopes, created_by, expires_at)
  VALUES ((p_context ->> 'account_id')::bigint, p_params ->> 'label', sha256(convert_to(v_token, 'UTF8')), ARRAY(SELECT DISTINCT s FROM jsonb_array_elements_text(p_params -> 'scopes') AS s ORDER BY s), v_account, v_expires)
  RETURNING id INTO v_id;
  RETURN jsonb_build_object(
    'secret', jsonb_build_object('token', v_token),
    'objects', jsonb_build_array(jsonb_build_object('ref', format('token:%s/%s', v_account, left(encode(sha256(convert_to(p_params ->> 'label', 'UTF8')), 'hex'), 12)), 'change', 'create', 'after', jsonb_build_object('scopes', p_params -> 'scopes', 'expires_at', v_expires))),
    'refs', jsonb_build_array('account:' || v_account),
    'result', jsonb_build_object('label', p_params -> 'label', 'expires_at', v_expires),
    'notes', jsonb_build_array('The token is shown once, here. It is kept nowhere.'),
    'checks', jsonb_build_array(jsonb_build_object('name', 'token_is_live', 'kind', 'token', 'token', v_id, 'live', true)),
    'inverse', jsonb_build_object('command', 'dot_iu_revoke_token', 'params', jsonb_build_object('token', v_id)));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_issue_token(jsonb, jsonb) IS 'Issues an API token for the account that asks, with its present password: told once, scoped, expiring';
REVOKE ALL ON FUNCTION iu_core.dot_iu_issue_token(jsonb, jsonb) FROM PUBLIC;
