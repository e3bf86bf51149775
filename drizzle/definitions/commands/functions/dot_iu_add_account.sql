-- requires: fn_dot_account_object, iu_account, iu_core
CREATE FUNCTION iu_core.dot_iu_add_account(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_id bigint;
BEGIN
  BEGIN
    INSERT INTO iu_account (account, display_name, account_right, password_salt, password_verifier, created_by)
    VALUES (p_params ->> 'account', coalesce(p_params ->> 'display_name', ''), p_params ->> 'right', decode(p_params ->> 'password_salt', 'hex'), decode(p_params ->> 'password_verifier', 'hex'), p_context ->> 'actor')
    RETURNING id INTO v_id;
  EXCEPTION WHEN unique_violation THEN
    RAISE EXCEPTION 'account: % is taken', p_params ->> 'account' USING ERRCODE = 'IU004', COLUMN = 'account', HINT = 'Choose another name.';
  END;
  RETURN jsonb_build_object(
    'objects', jsonb_build_array(fn_dot_account_object(NULL, v_id)),
    'result', jsonb_build_object('account', p_params -> 'account'),
    'checks', jsonb_build_array(jsonb_build_object('name', 'account_is_active', 'kind', 'account', 'account', p_params -> 'account', 'status', 'active', 'right', p_params -> 'right')),
    'inverse', jsonb_build_object('command', 'dot_iu_disable_account', 'params', jsonb_build_object('account', p_params -> 'account')));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_add_account(jsonb, jsonb) IS 'Makes an account with a right and a first password';
REVOKE ALL ON FUNCTION iu_core.dot_iu_add_account(jsonb, jsonb) FROM PUBLIC;
