-- requires: fn_dot_frozen, fn_dot_thawed, fn_iu_lock, iu_core, v_iu_held_event
CREATE FUNCTION iu_core.fn_dot_held(p_params jsonb, p_context jsonb)
RETURNS bigint[]
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  -- One decision at a time on what is held: none is released and discarded both.
  PERFORM fn_iu_lock('iu_core.held_events');
  RETURN CASE WHEN p_context ? 'frozen' THEN fn_dot_thawed(p_context -> 'frozen')
    ELSE ARRAY(SELECT event_id FROM v_iu_held_event
               WHERE (NOT p_params ? 'event_type' OR event_type = p_params ->> 'event_type') AND (NOT p_params ? 'through' OR event_id <= (p_params ->> 'through')::bigint)
               ORDER BY event_id LIMIT coalesce((p_params ->> 'limit')::integer, 10000)) END;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_held(jsonb, jsonb) IS 'The held events that a command is about: those that its plan froze, or those that match; nobody else decides on held events until the caller''s transaction ends';
REVOKE ALL ON FUNCTION iu_core.fn_dot_held(jsonb, jsonb) FROM PUBLIC;
