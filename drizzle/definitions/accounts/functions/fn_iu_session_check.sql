-- requires: iu_api_token, iu_core, iu_session
CREATE FUNCTION iu_core.fn_iu_session_check(p_token text, p_scope text DEFAULT 'read')
RETURNS TABLE (actor text, actor_kind text, account_right text, display_name text, expires_at timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_digest constant bytea := sha256(convert_to(p_token, 'UTF8'));
  v_who record;
BEGIN
  IF p_token IS NULL THEN
    RAISE EXCEPTION 'nobody is signed in' USING ERRCODE = 'IU012', HINT = 'Sign in, or pass an API token.';
  END IF;
  SELECT * INTO STRICT v_who FROM fn_iu_who(p_token);
  IF NOT (v_who.scopes && ARRAY['*', p_scope]) THEN
    RAISE EXCEPTION 'this token has no scope %', p_scope USING ERRCODE = 'IU013', HINT = 'Its scopes: ' || array_to_string(v_who.scopes, ', ');
  END IF;
  -- At most once a minute, and never waiting for another request of the same session.
  UPDATE iu_session SET last_used_at = clock_timestamp()
  WHERE id = (SELECT s.id FROM iu_session AS s WHERE s.token_digest = v_digest AND s.last_used_at < clock_timestamp() - interval '1 minute' FOR UPDATE SKIP LOCKED);
  UPDATE iu_api_token SET last_used_at = clock_timestamp()
  WHERE id = (SELECT k.id FROM iu_api_token AS k WHERE k.token_digest = v_digest AND (k.last_used_at IS NULL OR k.last_used_at < clock_timestamp() - interval '1 minute') FOR UPDATE SKIP LOCKED);
  actor := v_who.actor; actor_kind := v_who.actor_kind; account_right := v_who.account_right; display_name := v_who.display_name; expires_at := v_who.expires_at;
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_session_check(text, text) IS 'Who holds the token, and marks it used; every request of the console begins with it. IU012 nobody, IU013 a token without the scope';
REVOKE ALL ON FUNCTION iu_core.fn_iu_session_check(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_session_check(text, text) TO iu_console;
