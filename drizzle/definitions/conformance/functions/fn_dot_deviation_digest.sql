-- requires: iu_core
CREATE FUNCTION iu_core.fn_dot_deviation_digest(p_object jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT CASE WHEN p_object ->> 'state' <> 'unknown' THEN
    encode(sha256(convert_to(jsonb_build_array(p_object -> 'class', p_object -> 'identity', p_object -> 'state', p_object -> 'expected', p_object -> 'live')::text, 'UTF8')), 'hex') END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_deviation_digest(jsonb) IS 'SHA-256, in hex, over a deviation as v_dot_drift tells it: class, identity, state, and the definition as it should be and as it is; null for what is unknown';
REVOKE ALL ON FUNCTION iu_core.fn_dot_deviation_digest(jsonb) FROM PUBLIC;
