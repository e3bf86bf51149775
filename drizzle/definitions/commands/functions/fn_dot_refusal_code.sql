-- requires: iu_core
CREATE FUNCTION iu_core.fn_dot_refusal_code(p_sqlstate text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT CASE p_sqlstate
    WHEN 'IU001' THEN 'gate_closed' WHEN 'IU002' THEN 'invalid_parameter' WHEN 'IU003' THEN 'not_found' WHEN 'IU004' THEN 'taken'
    WHEN 'IU005' THEN 'append_only' WHEN 'IU006' THEN 'round_trip_failed' WHEN 'IU007' THEN 'unknown_event_type' WHEN 'IU008' THEN 'reserved_event_type'
    WHEN 'IU009' THEN 'lifecycle_refused' WHEN 'IU010' THEN 'would_destroy_history' WHEN 'IU011' THEN 'wrong_isolation' WHEN 'IU012' THEN 'unauthenticated'
    WHEN 'IU013' THEN 'forbidden' WHEN 'IU014' THEN 'stale_plan' WHEN 'IU015' THEN 'key_conflict' WHEN 'IU016' THEN 'nothing_to_do'
    WHEN 'IU017' THEN 'not_reversible' WHEN 'IU018' THEN 'second_person_required' WHEN 'IU019' THEN 'too_many_attempts' WHEN 'IU020' THEN 'drifted' END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_refusal_code(text) IS 'The stable code of an SQLSTATE of ours, null for any other; docs/errors.md is the catalogue';
REVOKE ALL ON FUNCTION iu_core.fn_dot_refusal_code(text) FROM PUBLIC;
