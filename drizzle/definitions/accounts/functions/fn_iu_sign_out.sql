-- requires: iu_core, iu_session
CREATE FUNCTION iu_core.fn_iu_sign_out(p_token text)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  UPDATE iu_session SET ended_at = clock_timestamp(), end_reason = 'signed out' WHERE token_digest = sha256(convert_to(p_token, 'UTF8')) AND ended_at IS NULL
$$;
COMMENT ON FUNCTION iu_core.fn_iu_sign_out(text) IS 'Ends the session of this token; one that has ended stays as it is';
REVOKE ALL ON FUNCTION iu_core.fn_iu_sign_out(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_sign_out(text) TO iu_console;
