-- requires: event_outbox, fn_iu_json_unbounded, iu_event_type
CREATE FUNCTION iu_core.fn_iu_emit_event(
  p_event_type text, p_event_subject_table text, p_event_subject_ref text, p_payload jsonb, p_idempotency_key text DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_type iu_event_type;
  v_id bigint;
  v_problem text;
BEGIN
  SELECT * INTO v_type FROM iu_event_type WHERE event_type = p_event_type;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'event_type: % is not registered', coalesce(p_event_type, 'null')
      USING ERRCODE = 'IU007', COLUMN = 'event_type', HINT = 'Register the type and its routes first.';
  END IF;
  IF v_type.is_system THEN
    RAISE EXCEPTION 'event_type: % is emitted by the system only', p_event_type
      USING ERRCODE = 'IU008', COLUMN = 'event_type', HINT = 'Register a type of your own.';
  END IF;
  IF coalesce(p_event_subject_table, '') = '' OR octet_length(p_event_subject_table) > 256 THEN
    RAISE EXCEPTION 'event_subject_table: say which table the subject is a row of (1 to 256 bytes)' USING ERRCODE = 'IU002', COLUMN = 'event_subject_table';
  END IF;
  IF coalesce(p_event_subject_ref, '') = '' OR octet_length(p_event_subject_ref) > 1024 THEN
    RAISE EXCEPTION 'event_subject_ref: say which row is the subject (1 to 1024 bytes)' USING ERRCODE = 'IU002', COLUMN = 'event_subject_ref';
  END IF;
  IF p_payload IS NULL THEN
    RAISE EXCEPTION 'payload: give a JSON value; an empty one is {}' USING ERRCODE = 'IU002', COLUMN = 'payload';
  END IF;
  -- Most are short, also when written out, and need no closer look. What lies packed is unpacked before it is measured.
  IF pg_column_size(p_payload #> '{}') > 500 OR octet_length(p_payload::text) > 500 THEN
    v_problem := fn_iu_json_unbounded(p_payload, 1048576);
  END IF;
  IF v_problem IS NOT NULL THEN
    RAISE EXCEPTION 'payload: %', v_problem USING ERRCODE = 'IU002', COLUMN = 'payload', HINT = 'An event says what happened, in 1 MB at most; what is larger is kept elsewhere and named in it.';
  END IF;
  IF v_type.delivery_lane = 'immediate' AND (coalesce(p_idempotency_key, '') = '' OR octet_length(p_idempotency_key) > 512) THEN
    RAISE EXCEPTION 'idempotency_key: % is on lane immediate and needs a key of 1 to 512 bytes', p_event_type
      USING ERRCODE = 'IU002', COLUMN = 'idempotency_key', HINT = 'Pass a key that names this one occurrence; a repeat returns the first id.';
  END IF;

  -- Two rounds: the row of a writer that was still under way at the first look-up is found at the second.
  FOR i IN 1..2 LOOP
    IF v_type.delivery_lane = 'immediate' THEN
      SELECT id INTO v_id FROM event_outbox
      WHERE event_type = p_event_type AND event_subject_ref = p_event_subject_ref AND idempotency_key = p_idempotency_key AND released_from IS NULL;
      EXIT WHEN v_id IS NOT NULL;
    END IF;
    -- As fn_iu_outbox_append writes many. One event through sets would cost an application a fifth more.
    INSERT INTO event_outbox (event_domain, event_type, event_subject_table, event_subject_ref, payload, delivery_lane, idempotency_key, actor)
    VALUES (v_type.event_domain, p_event_type, p_event_subject_table, p_event_subject_ref, p_payload,
            CASE WHEN fn_iu_gate_is_open('iu_core.routes_master_enabled') THEN v_type.delivery_lane ELSE 'held' END,
            CASE WHEN v_type.delivery_lane = 'immediate' THEN p_idempotency_key END, fn_iu_actor())
    ON CONFLICT DO NOTHING
    RETURNING id INTO v_id;
    EXIT WHEN v_id IS NOT NULL;
  END LOOP;
  IF v_id IS NULL THEN
    -- Only under REPEATABLE READ or SERIALIZABLE: the first row exists but this snapshot cannot see it.
    RAISE EXCEPTION 'could not serialize: the same key was emitted by a concurrent transaction' USING ERRCODE = '40001', HINT = 'Retry the transaction.';
  END IF;
  RETURN v_id;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_emit_event(text, text, text, jsonb, text) IS 'Emits one event inside the caller''s transaction and returns its id; a repeat on lane immediate returns the first id. A payload that breaks its schema is accepted here and dead-lettered by the worker. IU007 unknown type, IU008 system type, IU002 bad argument, also a payload that is too large to be written out';
REVOKE ALL ON FUNCTION iu_core.fn_iu_emit_event(text, text, text, jsonb, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_emit_event(text, text, text, jsonb, text) TO iu_emitter;
