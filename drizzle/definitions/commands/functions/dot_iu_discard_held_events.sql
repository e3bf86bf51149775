-- requires: fn_dot_frozen, fn_dot_held, iu_core, iu_held_decision, v_iu_held_event
CREATE FUNCTION iu_core.dot_iu_discard_held_events(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_ids bigint[];
  v_done bigint[];
BEGIN
  v_ids := fn_dot_held(p_params, p_context);
  WITH decided AS (
    INSERT INTO iu_held_decision (event_id, decision, reason, decided_by)
    SELECT event_id, 'discarded', coalesce(p_context ->> 'reason', 'a plan'), fn_iu_actor() FROM v_iu_held_event WHERE event_id = ANY (v_ids) ORDER BY event_id
    ON CONFLICT DO NOTHING
    RETURNING event_id
  )
  SELECT coalesce(array_agg(event_id), '{}') INTO v_done FROM decided;
  IF cardinality(v_done) = 0 THEN
    RAISE EXCEPTION 'no held event matches' USING ERRCODE = 'IU016';
  END IF;
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'frozen', fn_dot_frozen(v_ids),
    'objects', (SELECT jsonb_agg(jsonb_build_object('ref', 'event:' || e.id, 'change', 'update', 'before', jsonb_build_object('account', 'held', 'type', e.event_type, 'subject', e.event_subject_ref), 'after', jsonb_build_object('account', 'discarded', 'type', e.event_type, 'subject', e.event_subject_ref)) ORDER BY e.id)
                FROM event_outbox AS e WHERE e.id = ANY (v_done)),
    'result', jsonb_build_object('discarded', cardinality(v_done), 'by_type', (SELECT jsonb_object_agg(event_type, n) FROM (SELECT event_type, count(*) AS n FROM event_outbox WHERE id = ANY (v_done) GROUP BY event_type) AS t)),
    'checks', jsonb_build_array(jsonb_build_object('name', 'events_are_discarded', 'kind', 'held', 'ids', to_jsonb(v_done), 'account', 'discarded')),
    'irreversible', 'What was given up stays given up; the events are in the outbox, on lane held.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_discard_held_events(jsonb, jsonb) IS 'Gives up held events, with a reason; the plan freezes which';
REVOKE ALL ON FUNCTION iu_core.dot_iu_discard_held_events(jsonb, jsonb) FROM PUBLIC;
