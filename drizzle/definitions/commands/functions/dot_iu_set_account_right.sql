-- requires: fn_dot_account, fn_dot_account_keep_admin, fn_dot_account_object, iu_core
CREATE FUNCTION iu_core.dot_iu_set_account_right(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_account constant iu_account := fn_dot_account(p_params ->> 'account');
BEGIN
  IF v_account.account_right = p_params ->> 'right' THEN
    RAISE EXCEPTION 'right: % is % already', v_account.account, v_account.account_right USING ERRCODE = 'IU016', COLUMN = 'right';
  ELSIF v_account.status = 'active' THEN
    PERFORM fn_dot_account_keep_admin(v_account);
  END IF;
  UPDATE iu_account SET account_right = p_params ->> 'right' WHERE id = v_account.id;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('right', v_account.account_right, 'status', v_account.status),
    'objects', jsonb_build_array(fn_dot_account_object(v_account, v_account.id)),
    'checks', jsonb_build_array(jsonb_build_object('name', 'account_has_the_right', 'kind', 'account', 'account', v_account.account, 'status', v_account.status, 'right', p_params -> 'right')),
    'inverse', jsonb_build_object('command', 'dot_iu_set_account_right', 'params', jsonb_build_object('account', v_account.account, 'right', v_account.account_right)));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_set_account_right(jsonb, jsonb) IS 'Gives an account another right, from its next request on';
REVOKE ALL ON FUNCTION iu_core.dot_iu_set_account_right(jsonb, jsonb) FROM PUBLIC;
