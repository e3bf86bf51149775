-- requires: iu_core
CREATE FUNCTION iu_core.fn_iu_token()
RETURNS text
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '') $$;
COMMENT ON FUNCTION iu_core.fn_iu_token() IS 'A new secret: 64 hex digits of which 244 bits are from the system''s strong random source';
REVOKE ALL ON FUNCTION iu_core.fn_iu_token() FROM PUBLIC;
