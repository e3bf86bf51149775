-- requires: iu_account, iu_core, iu_session, iu_sign_in_failure
-- Answers instead of raising, so that a failure is kept and counted.
CREATE FUNCTION iu_core.fn_iu_sign_in(p_account text, p_key bytea, p_client text)
RETURNS TABLE (status text, token text, retry_after integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET lock_timeout = '5s'
AS $$
DECLARE
  v_account_digest constant bytea := sha256(convert_to(coalesce(p_account, ''), 'UTF8'));
  v_client_digest constant bytea := sha256(convert_to(coalesce(p_client, ''), 'UTF8'));
  v_account iu_account;
  v_failures integer;
  v_last timestamptz;
BEGIN
  -- One at a time for a name: guesses sent side by side are counted as those sent in a row.
  SELECT * INTO v_account FROM iu_account WHERE account = p_account FOR NO KEY UPDATE;
  DELETE FROM iu_sign_in_failure WHERE id IN (SELECT f.id FROM iu_sign_in_failure AS f WHERE f.failed_at < clock_timestamp() - interval '15 minutes' LIMIT 100 FOR UPDATE SKIP LOCKED);
  -- By the name and the client: what others do, to this name or from there to other names, refuses no right password.
  SELECT count(*), max(failed_at) INTO v_failures, v_last
  FROM iu_sign_in_failure WHERE account_digest = v_account_digest AND client_digest = v_client_digest AND failed_at > clock_timestamp() - interval '15 minutes';
  -- Four in peace, then 2, 4, 8 … seconds from the last, five minutes at most.
  IF v_failures >= 5 THEN
    retry_after := ceil(extract(epoch FROM v_last - clock_timestamp()) + least(300, 2 ^ least(v_failures - 4, 9)));
    IF retry_after > 0 THEN
      status := 'throttled'; RETURN NEXT; RETURN;
    END IF;
    retry_after := NULL;
  END IF;
  -- One answer for a wrong name, a wrong password and a disabled account.
  IF (v_account.password_verifier = sha256(p_key) AND v_account.status = 'active') IS NOT TRUE THEN
    INSERT INTO iu_sign_in_failure (account_digest, client_digest) VALUES (v_account_digest, v_client_digest);
    status := 'refused'; RETURN NEXT; RETURN;
  END IF;
  DELETE FROM iu_sign_in_failure WHERE account_digest = v_account_digest AND client_digest = v_client_digest;
  UPDATE iu_account SET last_sign_in_at = clock_timestamp() WHERE id = v_account.id;
  token := 'ius_' || fn_iu_token();
  INSERT INTO iu_session (account_id, token_digest, expires_at) VALUES (v_account.id, sha256(convert_to(token, 'UTF8')), clock_timestamp() + interval '7 days');
  status := 'signed_in';
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_sign_in(text, bytea, text) IS 'Signs in with the scrypt key of the password: signed_in with the session''s token (told once), refused, or throttled with the seconds to wait';
REVOKE ALL ON FUNCTION iu_core.fn_iu_sign_in(text, bytea, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_sign_in(text, bytea, text) TO iu_console;
