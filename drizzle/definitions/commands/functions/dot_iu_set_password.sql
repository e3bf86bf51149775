-- requires: fn_dot_account, fn_dot_own_password, fn_iu_sessions_end, iu_api_token, iu_core
CREATE FUNCTION iu_core.dot_iu_set_password(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_account iu_account;
  v_revoked integer;
  v_own constant boolean := p_params ->> 'account' = p_context ->> 'actor' AND p_context ? 'account_id';
BEGIN
  IF NOT v_own AND p_context ->> 'right' <> 'admin' THEN
    RAISE EXCEPTION 'account: only an admin sets the password of another' USING ERRCODE = 'IU013', COLUMN = 'account';
  END IF;
  v_account := fn_dot_account(p_params ->> 'account');
  IF v_own THEN
    PERFORM fn_dot_own_password(v_account, p_params ->> 'current_key');
  END IF;
  UPDATE iu_account SET password_salt = decode(p_params ->> 'password_salt', 'hex'), password_verifier = decode(p_params ->> 'password_verifier', 'hex'), password_changed_at = clock_timestamp() WHERE id = v_account.id;
  -- Whoever knew the old password may have made them.
  UPDATE iu_api_token SET revoked_at = clock_timestamp(), revoked_by = p_context ->> 'actor' WHERE account_id = v_account.id AND revoked_at IS NULL;
  GET DIAGNOSTICS v_revoked = ROW_COUNT;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('status', v_account.status, 'changed', v_account.password_changed_at),
    'objects', jsonb_build_array(jsonb_build_object('ref', 'account:' || v_account.account, 'change', 'update', 'before', jsonb_build_object('password', 'the present one'), 'after', jsonb_build_object('password', 'a new one'))),
    'result', jsonb_build_object('sessions_ended', fn_iu_sessions_end(v_account.id, 'password changed'), 'tokens_revoked', v_revoked),
    'checks', jsonb_build_array(jsonb_build_object('name', 'account_is_' || v_account.status, 'kind', 'account', 'account', v_account.account, 'status', v_account.status, 'right', v_account.account_right)),
    'irreversible', 'The old password is not kept.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_set_password(jsonb, jsonb) IS 'Sets an account''s password: one''s own with the present one, anybody''s as an admin; its sessions end and its tokens are revoked';
REVOKE ALL ON FUNCTION iu_core.dot_iu_set_password(jsonb, jsonb) FROM PUBLIC;
