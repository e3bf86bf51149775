-- requires: iu_core
-- Bound where it is made and without a search_path of its own, so that the planner sets its expression in place of
-- the call: a pass asks it for every payload.
CREATE FUNCTION iu_core.fn_iu_payload_meets(p_payload jsonb, p_predicate jsonpath, p_keys text[])
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN (p_payload @@ p_predicate) IS NOT TRUE THEN false
            WHEN p_keys IS NULL OR jsonb_typeof(p_payload) <> 'object' THEN true
            ELSE (p_payload - p_keys) = '{}' END;
COMMENT ON FUNCTION iu_core.fn_iu_payload_meets(jsonb, jsonpath, text[]) IS 'Whether a payload meets its schema, which is compiled to a predicate and to the only names of its root, where there are such';
REVOKE ALL ON FUNCTION iu_core.fn_iu_payload_meets(jsonb, jsonpath, text[]) FROM PUBLIC;
