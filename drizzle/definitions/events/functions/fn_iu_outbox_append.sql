-- requires: event_outbox
-- Writes many; one event by itself is written by fn_iu_emit_event. Both decide the lane alike: by the type, or held while the master gate is closed.
CREATE FUNCTION iu_core.fn_iu_outbox_append(
  p_event_type text, p_event_subject_table text, p_event_subject_refs text[], p_payloads jsonb[], p_idempotency_key text DEFAULT NULL)
RETURNS SETOF bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_actor constant text := fn_iu_actor();
  v_open boolean := fn_iu_gate_is_open('iu_core.routes_master_enabled');
BEGIN
  RETURN QUERY
  INSERT INTO event_outbox (event_domain, event_type, event_subject_table, event_subject_ref, payload, delivery_lane, idempotency_key, actor)
  SELECT t.event_domain, t.event_type, p_event_subject_table, e.ref, e.payload,
         CASE WHEN v_open THEN t.delivery_lane ELSE 'held' END,
         CASE WHEN t.delivery_lane = 'immediate' THEN p_idempotency_key END, v_actor
  FROM iu_event_type AS t
  CROSS JOIN unnest(p_event_subject_refs, p_payloads) WITH ORDINALITY AS e(ref, payload, n)
  WHERE t.event_type = p_event_type
  ORDER BY e.n
  ON CONFLICT DO NOTHING
  RETURNING id;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_outbox_append(text, text, text[], jsonb[], text) IS 'Writes one event per element in the given order, on the type''s lane or, while the master gate is closed, on lane held; a duplicate key writes nothing. Returns the ids written';
REVOKE ALL ON FUNCTION iu_core.fn_iu_outbox_append(text, text, text[], jsonb[], text) FROM PUBLIC;
