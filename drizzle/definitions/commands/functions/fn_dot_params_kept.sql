-- requires: dot_iu_command, iu_core
CREATE FUNCTION iu_core.fn_dot_params_kept(p_command iu_core.dot_iu_command, p_params jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT CASE WHEN jsonb_typeof(p_params) <> 'object' THEN jsonb_build_object('not_an_object', jsonb_typeof(p_params)) ELSE (
    SELECT coalesce(jsonb_object_agg(key, CASE
             WHEN key = ANY ((p_command).secret_params) THEN '"(secret)"'::jsonb
             WHEN key = ANY ((p_command).body_params) OR octet_length(value::text) > 8192
               THEN jsonb_build_object('sha256', encode(sha256(convert_to(value #>> '{}', 'UTF8')), 'hex'), 'bytes', octet_length(value #>> '{}'))
             ELSE value END) FILTER (WHERE is_known), '{}')
        -- What the command does not know may be anything, a secret under another name too.
        || CASE WHEN bool_or(NOT is_known) THEN jsonb_build_object('(unknown)', count(*) FILTER (WHERE NOT is_known)) ELSE '{}' END
    FROM (SELECT key, value, (p_command).param_schema -> 'properties' ? key AS is_known FROM jsonb_each(p_params)) AS p) END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_params_kept(iu_core.dot_iu_command, jsonb) IS 'The parameters as the ledger keeps them: no secrets, texts (or whatever is large) as SHA-256 and bytes, and what the command does not know as a number';
REVOKE ALL ON FUNCTION iu_core.fn_dot_params_kept(iu_core.dot_iu_command, jsonb) FROM PUBLIC;
