-- requires: fn_iu_lock, iu_account, iu_core
CREATE FUNCTION iu_core.fn_dot_account_keep_admin(p_account iu_core.iu_account)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  -- Two who take each other's right away at once must not leave nobody.
  PERFORM fn_iu_lock('iu_core.admins');
  IF (p_account).account_right = 'admin' AND NOT EXISTS (SELECT FROM iu_account WHERE account_right = 'admin' AND status = 'active' AND id <> (p_account).id) THEN
    RAISE EXCEPTION 'account: % is the last admin', (p_account).account USING ERRCODE = 'IU009', COLUMN = 'account', HINT = 'Make another account an admin first.';
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_account_keep_admin(iu_core.iu_account) IS 'Raises IU009 when this account is the last admin who can sign in';
REVOKE ALL ON FUNCTION iu_core.fn_dot_account_keep_admin(iu_core.iu_account) FROM PUBLIC;
