-- requires: iu_account, iu_core
CREATE FUNCTION iu_core.fn_dot_account(p_account text)
RETURNS iu_core.iu_account
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_account iu_account;
BEGIN
  SELECT * INTO v_account FROM iu_account WHERE account = p_account FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'account: there is no %', p_account USING ERRCODE = 'IU003', COLUMN = 'account';
  END IF;
  RETURN v_account;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_account(text) IS 'An account by its name, locked; IU003 when there is none';
REVOKE ALL ON FUNCTION iu_core.fn_dot_account(text) FROM PUBLIC;
