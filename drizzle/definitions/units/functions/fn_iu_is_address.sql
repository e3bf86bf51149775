CREATE FUNCTION iu_core.fn_iu_is_address(p_address text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT octet_length(p_address) <= 512 AND p_address ~ '^[a-z0-9_-]+([./][a-z0-9_-]+)*$' $$;
COMMENT ON FUNCTION iu_core.fn_iu_is_address(text) IS 'Whether a text is a canonical address: segments of a-z 0-9 _ - joined by . and /, at most 512 bytes';
REVOKE ALL ON FUNCTION iu_core.fn_iu_is_address(text) FROM PUBLIC;
