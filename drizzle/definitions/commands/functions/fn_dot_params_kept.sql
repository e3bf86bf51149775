-- requires: dot_iu_command, iu_core
CREATE FUNCTION iu_core.fn_dot_params_kept(p_command iu_core.dot_iu_command, p_params jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT CASE WHEN jsonb_typeof(p_params) <> 'object' OR (SELECT count(*) FROM jsonb_object_keys(CASE jsonb_typeof(p_params) WHEN 'object' THEN p_params ELSE '{}' END)) > 100 THEN jsonb_build_object('sha256', encode(sha256(convert_to(p_params::text, 'UTF8')), 'hex'))
         ELSE (
    SELECT coalesce(jsonb_object_agg(left(key, 80), CASE
             WHEN key = ANY ((p_command).secret_params) THEN '"(secret)"'::jsonb
             WHEN key = ANY ((p_command).body_params) OR octet_length(value::text) > 8192 OR NOT (p_command).param_schema -> 'properties' ? key
               THEN jsonb_build_object('sha256', encode(sha256(convert_to(value #>> '{}', 'UTF8')), 'hex'), 'bytes', octet_length(value #>> '{}'))
             ELSE value END), '{}')
    FROM jsonb_each(p_params)) END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_params_kept(iu_core.dot_iu_command, jsonb) IS 'The parameters as the ledger keeps them: no secrets, and texts (or whatever is large or unknown) as SHA-256 and bytes';
REVOKE ALL ON FUNCTION iu_core.fn_dot_params_kept(iu_core.dot_iu_command, jsonb) FROM PUBLIC;
