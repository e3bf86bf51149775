-- requires: fn_iu_payload_meets, fn_iu_payload_problems
-- For one event by itself: whatever its judgement raises is said of it, and is not the end of a page or a replay. Not so with what
-- says nothing of the event: a function that is not there, a full disk, a lock, and a person who cancels. A time that is up
-- is the event's, where it is the time that the statement had, and this event by itself took the half of it.
CREATE FUNCTION iu_core.fn_iu_payload_judged(
  p_payload jsonb, p_schema jsonb, p_predicate jsonpath, p_keys text[], p_schema_fault text, OUT fault text, OUT detail text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_began constant timestamptz := clock_timestamp();
BEGIN
  IF p_predicate IS NULL THEN
    RETURN;
  ELSIF p_schema_fault IS NOT NULL THEN
    fault := 'cannot_be_judged';
    detail := p_schema_fault;
  ELSIF NOT fn_iu_payload_meets(p_payload, p_predicate, p_keys) THEN
    fault := 'payload_schema';
    detail := array_to_string(fn_iu_payload_problems(p_payload, p_schema), '; ');
  END IF;
EXCEPTION
  WHEN data_exception OR program_limit_exceeded OR out_of_memory OR internal_error OR SQLSTATE 'IU002' OR query_canceled THEN
    IF SQLSTATE = '57014' AND (current_setting('statement_timeout')::interval = interval '0'
                               OR clock_timestamp() < statement_timestamp() + current_setting('statement_timeout')::interval
                               OR clock_timestamp() < v_began + current_setting('statement_timeout')::interval / 2) THEN
      RAISE;
    END IF;
    fault := 'cannot_be_judged';
    detail := format('%s (%s)', left(SQLERRM, 500), SQLSTATE);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_payload_judged(jsonb, jsonb, jsonpath, text[], text) IS 'What one payload is found to be: payload_schema with the words where it breaks its schema, cannot_be_judged with the reason where its judgement raises or its schema has a fault, nothing where it meets it';
REVOKE ALL ON FUNCTION iu_core.fn_iu_payload_judged(jsonb, jsonb, jsonpath, text[], text) FROM PUBLIC;
