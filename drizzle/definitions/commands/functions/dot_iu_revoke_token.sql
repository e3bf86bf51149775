-- requires: iu_api_token, iu_core
CREATE FUNCTION iu_core.dot_iu_revoke_token(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_token iu_api_token;
  v_account text;
BEGIN
  SELECT * INTO v_token FROM iu_api_token WHERE id = (p_params ->> 'token')::bigint FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'token: there is no token %', p_params ->> 'token' USING ERRCODE = 'IU003', COLUMN = 'token';
  ELSIF v_token.account_id IS DISTINCT FROM (p_context ->> 'account_id')::bigint AND p_context ->> 'right' <> 'admin' THEN
    RAISE EXCEPTION 'token: only an admin revokes the token of another' USING ERRCODE = 'IU013', COLUMN = 'token';
  ELSIF v_token.revoked_at IS NOT NULL THEN
    RAISE EXCEPTION 'token: % is revoked already', v_token.id USING ERRCODE = 'IU016', COLUMN = 'token';
  END IF;
  SELECT account INTO STRICT v_account FROM iu_account WHERE id = v_token.account_id;
  UPDATE iu_api_token SET revoked_at = clock_timestamp(), revoked_by = p_context ->> 'actor' WHERE id = v_token.id;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('token', v_token.id),
    'objects', jsonb_build_array(jsonb_build_object('ref', format('token:%s/%s', v_account, left(encode(sha256(convert_to(v_token.label, 'UTF8')), 'hex'), 12)), 'change', 'update', 'before', '{"status": "live"}'::jsonb, 'after', '{"status": "revoked"}'::jsonb)),
    'refs', jsonb_build_array('account:' || v_account),
    'checks', jsonb_build_array(jsonb_build_object('name', 'token_is_revoked', 'kind', 'token', 'token', v_token.id, 'live', false)),
    'irreversible', 'A revoked token stays dead; issue another.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_revoke_token(jsonb, jsonb) IS 'Revokes an API token: one''s own, or anybody''s as an admin';
REVOKE ALL ON FUNCTION iu_core.dot_iu_revoke_token(jsonb, jsonb) FROM PUBLIC;
