-- requires: dot_iu_command_run, iu_account, iu_core
CREATE FUNCTION iu_core.fn_dot_own_password(p_account iu_core.iu_account, p_key text)
RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  IF (p_account).status <> 'active' THEN
    RAISE EXCEPTION 'the account was disabled meanwhile' USING ERRCODE = 'IU012';
  END IF;
  -- Whatever command they were given to: a session left open is not a place to guess.
  IF 5 <= (SELECT count(*) FROM dot_iu_command_run
           WHERE actor = (p_account).account AND code = 'invalid_parameter' AND receipt ->> 'field' = 'current_password' AND finished_at > clock_timestamp() - interval '15 minutes') THEN
    RAISE EXCEPTION 'current_password: too many wrong ones' USING ERRCODE = 'IU019', COLUMN = 'current_password', HINT = 'Wait a quarter of an hour, or ask an admin to set the password.';
  END IF;
  IF ((p_account).password_verifier = sha256(decode(p_key, 'hex'))) IS NOT TRUE THEN
    RAISE EXCEPTION 'current_password: it is not the present one' USING ERRCODE = 'IU002', COLUMN = 'current_password';
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_own_password(iu_core.iu_account, text) IS 'Raises unless this is the key of the account''s present password: a session left open is not enough to take the account over, nor to make a token. IU002 wrong, IU019 too many wrong ones, IU012 disabled';
REVOKE ALL ON FUNCTION iu_core.fn_dot_own_password(iu_core.iu_account, text) FROM PUBLIC;
