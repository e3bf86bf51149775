-- requires: iu_core
CREATE FUNCTION iu_core.fn_dot_text_kept(p_value jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT jsonb_build_object('sha256', encode(sha256(convert_to(p_value #>> '{}', 'UTF8')), 'hex'), 'bytes', octet_length(p_value #>> '{}'))
$$;
COMMENT ON FUNCTION iu_core.fn_dot_text_kept(jsonb) IS 'A text as the ledger keeps it: SHA-256 and bytes';
REVOKE ALL ON FUNCTION iu_core.fn_dot_text_kept(jsonb) FROM PUBLIC;
