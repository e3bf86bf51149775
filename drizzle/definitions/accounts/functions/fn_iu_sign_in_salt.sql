-- requires: iu_account, iu_core
-- An unknown name gets a salt as well, always the same one: the answer does not tell who has an account.
CREATE FUNCTION iu_core.fn_iu_sign_in_salt(p_account text)
RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT coalesce((SELECT password_salt FROM iu_account WHERE account = p_account),
                  substring(sha256(convert_to('iu_core.sign_in ' || fn_iu_system_identifier() || ' ' || coalesce(p_account, ''), 'UTF8')) FROM 1 FOR 16))
$$;
COMMENT ON FUNCTION iu_core.fn_iu_sign_in_salt(text) IS 'The salt that an account''s password is hashed with; a made-up one, always the same, for an unknown name';
REVOKE ALL ON FUNCTION iu_core.fn_iu_sign_in_salt(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_sign_in_salt(text) TO iu_console;
