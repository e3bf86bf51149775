-- requires: iu_account, iu_api_token, iu_core, iu_session
-- The one place that says who is acting. Nothing that a session can set counts: a token is looked up by
-- its hash, and without a token it is the login that PostgreSQL let in.
CREATE FUNCTION iu_core.fn_iu_who(p_token text)
RETURNS TABLE (actor text, actor_kind text, account_id bigint, account_right text, display_name text, scopes text[], expires_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_digest bytea;
BEGIN
  IF p_token IS NULL THEN
    -- By membership; who owns the schema could write its tables anyway, so admin takes nothing from anybody.
    RETURN QUERY
    SELECT 'db:' || session_user, CASE WHEN pg_has_role(session_user, 'iu_owner', 'MEMBER') THEN 'owner' ELSE 'login' END, NULL::bigint, r.granted, session_user::text, ARRAY['*'], NULL::timestamptz
    FROM (SELECT CASE WHEN pg_has_role(session_user, 'iu_owner', 'MEMBER') THEN 'admin'
                      WHEN pg_has_role(session_user, 'iu_approver', 'MEMBER') THEN 'approver'
                      WHEN pg_has_role(session_user, 'iu_operator', 'MEMBER') THEN 'operator' END AS granted) AS r
    WHERE r.granted IS NOT NULL;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'nobody is signed in, and % is no operator by itself', session_user
        USING ERRCODE = 'IU012', HINT = 'Sign in, pass an API token, or connect as a member of iu_operator or iu_approver.';
    END IF;
    RETURN;
  END IF;
  v_digest := sha256(convert_to(p_token, 'UTF8'));
  RETURN QUERY
  SELECT a.account, t.kind, a.id, a.account_right, coalesce(nullif(a.display_name, ''), a.account), t.scopes, t.expires_at
  FROM (
    SELECT 'session' AS kind, s.account_id, ARRAY['*'] AS scopes, least(s.expires_at, s.last_used_at + interval '12 hours') AS expires_at
    FROM iu_session AS s WHERE s.token_digest = v_digest AND s.ended_at IS NULL
    UNION ALL
    SELECT 'token', k.account_id, k.scopes, k.expires_at FROM iu_api_token AS k WHERE k.token_digest = v_digest AND k.revoked_at IS NULL
  ) AS t
  JOIN iu_account AS a ON a.id = t.account_id
  WHERE t.expires_at > clock_timestamp() AND a.status = 'active';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the session or token is unknown, ended or expired' USING ERRCODE = 'IU012', HINT = 'Sign in again, or issue another token.';
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_who(text) IS 'Who is acting: the live account behind a session or API token, or without one the login itself (actor db:NAME) by its memberships. IU012 nobody';
REVOKE ALL ON FUNCTION iu_core.fn_iu_who(text) FROM PUBLIC;
