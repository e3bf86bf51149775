-- requires: iu_core
-- A path, a query or a user may be the secret by which an endpoint knows who calls.
CREATE FUNCTION iu_core.fn_iu_target_told(p_target_kind text, p_target_ref text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT CASE WHEN p_target_kind IS DISTINCT FROM 'webhook' AND p_target_ref !~ '://' THEN p_target_ref
              ELSE concat(substring(p_target_ref FROM '^(https?://)'), substring(p_target_ref FROM '^https?://(?:[^/?#]*@)?([^/?#@]*)'), '/… (sha256 ', left(encode(sha256(convert_to(p_target_ref, 'UTF8')), 'hex'), 12), ')') END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_target_told(text, text) IS 'A target as an attempt and a page tell it: of a URL its host, and the beginning of its SHA-256';
REVOKE ALL ON FUNCTION iu_core.fn_iu_target_told(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_target_told(text, text) TO iu_reader;
