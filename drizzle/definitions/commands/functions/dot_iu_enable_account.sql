-- requires: fn_dot_account, fn_dot_account_object, iu_core
CREATE FUNCTION iu_core.dot_iu_enable_account(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_account constant iu_account := fn_dot_account(p_params ->> 'account');
BEGIN
  IF v_account.status = 'active' THEN
    RAISE EXCEPTION 'account: % is active already', v_account.account USING ERRCODE = 'IU016', COLUMN = 'account';
  END IF;
  UPDATE iu_account SET status = 'active' WHERE id = v_account.id;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('right', v_account.account_right, 'status', v_account.status),
    'objects', jsonb_build_array(fn_dot_account_object(v_account, v_account.id)),
    'checks', jsonb_build_array(jsonb_build_object('name', 'account_is_active', 'kind', 'account', 'account', v_account.account, 'status', 'active', 'right', v_account.account_right)),
    'inverse', jsonb_build_object('command', 'dot_iu_disable_account', 'params', jsonb_build_object('account', v_account.account)));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_enable_account(jsonb, jsonb) IS 'Enables an account again; sessions that ended stay ended';
REVOKE ALL ON FUNCTION iu_core.dot_iu_enable_account(jsonb, jsonb) FROM PUBLIC;
