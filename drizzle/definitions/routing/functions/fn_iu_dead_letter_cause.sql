-- requires: fn_iu_failure_kind
CREATE FUNCTION iu_core.fn_iu_dead_letter_cause(p_failure_code text, p_route_id integer, p_event_type text, p_failure_detail text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  RETURN left(encode(sha256(convert_to(p_failure_code || chr(10) || p_route_id || chr(10) || p_event_type || chr(10) || fn_iu_failure_kind(p_failure_detail), 'UTF8')), 'hex'), 16);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_dead_letter_cause(text, integer, text, text) IS 'The fingerprint of a failure''s cause: of its code, route and type of event, and of what its words have in common with others of the kind';
REVOKE ALL ON FUNCTION iu_core.fn_iu_dead_letter_cause(text, integer, text, text) FROM PUBLIC;
