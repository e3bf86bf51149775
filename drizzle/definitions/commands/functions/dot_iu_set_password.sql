-- requires: fn_dot_account, fn_iu_sessions_end, iu_core
CREATE FUNCTION iu_core.dot_iu_set_password(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_account iu_account;
  v_own constant boolean := p_params ->> 'account' = p_context ->> 'actor' AND p_context ? 'account_id';
BEGIN
  IF NOT v_own AND p_context ->> 'right' <> 'admin' THEN
    RAISE EXCEPTION 'account: only an admin sets the password of another' USING ERRCODE = 'IU013', COLUMN = 'account';
  END IF;
  v_account := fn_dot_account(p_params ->> 'account');
  IF v_own AND v_account.status <> 'active' THEN
    RAISE EXCEPTION 'the account was disabled meanwhile' USING ERRCODE = 'IU012';
  END IF;
  -- A session left open is not enough to take an account over.
  IF v_own AND 5 <= (SELECT count(*) FROM dot_iu_command_run
                     WHERE command_code = 'dot_iu_set_password' AND actor = v_account.account AND code = 'invalid_parameter' AND receipt ->> 'field' = 'current_password'
                       AND finished_at > clock_timestamp() - interval '15 minutes') THEN
    RAISE EXCEPTION 'current_password: too many wrong ones' USING ERRCODE = 'IU019', COLUMN = 'current_password', HINT = 'Wait a quarter of an hour, or ask an admin to set the password.';
  END IF;
  IF v_own AND (v_account.password_verifier = sha256(decode(p_params ->> 'current_key', 'hex'))) IS NOT TRUE THEN
    RAISE EXCEPTION 'current_password: it is not the present one' USING ERRCODE = 'IU002', COLUMN = 'current_password';
  END IF;
  UPDATE iu_account SET password_salt = decode(p_params ->> 'password_salt', 'hex'), password_verifier = decode(p_params ->> 'password_verifier', 'hex'), password_changed_at = clock_timestamp() WHERE id = v_account.id;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('status', v_account.status, 'changed', v_account.password_changed_at),
    'objects', jsonb_build_array(jsonb_build_object('ref', 'account:' || v_account.account, 'change', 'update', 'before', jsonb_build_object('password', 'the present one'), 'after', jsonb_build_object('password', 'a new one'))),
    'result', jsonb_build_object('sessions_ended', fn_iu_sessions_end(v_account.id, 'password changed')),
    'checks', jsonb_build_array(jsonb_build_object('name', 'account_is_' || v_account.status, 'kind', 'account', 'account', v_account.account, 'status', v_account.status, 'right', v_account.account_right)),
    'irreversible', 'The old password is not kept.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_set_password(jsonb, jsonb) IS 'Sets an account''s password: one''s own with the present one, anybody''s as an admin; its sessions end';
REVOKE ALL ON FUNCTION iu_core.dot_iu_set_password(jsonb, jsonb) FROM PUBLIC;
