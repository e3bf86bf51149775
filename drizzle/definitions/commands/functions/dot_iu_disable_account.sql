-- requires: fn_dot_account, fn_dot_account_keep_admin, fn_dot_account_object, fn_iu_sessions_end, iu_core
CREATE FUNCTION iu_core.dot_iu_disable_account(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_account constant iu_account := fn_dot_account(p_params ->> 'account');
  v_ended integer;
BEGIN
  IF v_account.status = 'disabled' THEN
    RAISE EXCEPTION 'account: % is disabled already', v_account.account USING ERRCODE = 'IU016', COLUMN = 'account';
  END IF;
  PERFORM fn_dot_account_keep_admin(v_account);
  UPDATE iu_account SET status = 'disabled' WHERE id = v_account.id;
  v_ended := fn_iu_sessions_end(v_account.id, 'account disabled');
  RETURN jsonb_build_object(
    'state', jsonb_build_object('right', v_account.account_right, 'status', v_account.status),
    'objects', jsonb_build_array(fn_dot_account_object(v_account, v_account.id)),
    'result', jsonb_build_object('sessions_ended', v_ended),
    'checks', jsonb_build_array(jsonb_build_object('name', 'account_is_disabled', 'kind', 'account', 'account', v_account.account, 'status', 'disabled', 'right', v_account.account_right)),
    'inverse', jsonb_build_object('command', 'dot_iu_enable_account', 'params', jsonb_build_object('account', v_account.account)));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_disable_account(jsonb, jsonb) IS 'Disables an account: its sessions end, its tokens are dead';
REVOKE ALL ON FUNCTION iu_core.dot_iu_disable_account(jsonb, jsonb) FROM PUBLIC;
