-- requires: dot_iu_command, fn_dot_text_kept, fn_iu_payload_problems, iu_core
-- body_params is every parameter that its contract does not say to be a number, one of a few, or a name. What is no such thing
-- after all, by its schema, may be anything: of that too only the digest.
CREATE FUNCTION iu_core.fn_dot_params_kept(p_command iu_core.dot_iu_command, p_params jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT CASE WHEN jsonb_typeof(p_params) <> 'object' THEN jsonb_build_object('not_an_object', jsonb_typeof(p_params)) ELSE (
    SELECT coalesce(jsonb_object_agg(key, CASE
             WHEN key = ANY ((p_command).secret_params) THEN '"(secret)"'::jsonb
             WHEN value IN ('null', '""', '[]', '{}') THEN value                -- no text at all
             WHEN key = ANY ((p_command).body_params) OR octet_length(value::text) > 8192 THEN fn_dot_text_kept(value)
             WHEN cardinality(fn_iu_payload_problems(value, (p_command).param_schema -> 'properties' -> key)) > 0 THEN fn_dot_text_kept(value)
             ELSE value END) FILTER (WHERE is_known), '{}')
        -- What the command does not know may be anything, a secret under another name too.
        || CASE WHEN bool_or(NOT is_known) THEN jsonb_build_object('(unknown)', count(*) FILTER (WHERE NOT is_known)) ELSE '{}' END
    FROM (SELECT key, value, (p_command).param_schema -> 'properties' ? key AS is_known FROM jsonb_each(p_params)) AS p) END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_params_kept(iu_core.dot_iu_command, jsonb) IS 'The parameters as the ledger keeps them: numbers, terms and names; texts, URLs and whatever is large as SHA-256 and bytes; no secrets; and how many the command does not know';
REVOKE ALL ON FUNCTION iu_core.fn_dot_params_kept(iu_core.dot_iu_command, jsonb) FROM PUBLIC;
