-- requires: fn_iu_replay
CREATE FUNCTION iu_core.fn_iu_route_dead_letter_replay(p_dead_letter_id bigint)
RETURNS TABLE (status text, decision text, attempt_no integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  v_letter iu_route_dead_letter;
BEGIN
  IF NOT fn_iu_gate_is_open('iu_core.route_worker_enabled') THEN
    status := 'worker_gate_closed'; RETURN NEXT; RETURN;
  ELSIF NOT fn_iu_gate_is_open('iu_core.routes_master_enabled') THEN
    status := 'master_gate_closed'; RETURN NEXT; RETURN;
  END IF;
  SELECT * INTO v_letter FROM iu_route_dead_letter WHERE id = p_dead_letter_id FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'dead_letter: none has the id %', coalesce(p_dead_letter_id::text, 'null') USING ERRCODE = 'IU003', COLUMN = 'dead_letter_id';
  ELSIF v_letter.status <> 'open' THEN
    status := 'already_resolved'; attempt_no := v_letter.resolved_attempt_no; RETURN NEXT; RETURN;
  END IF;
  -- The worst of what its routes say, where it goes to several.
  SELECT r.decision, r.attempt_no INTO decision, attempt_no
  FROM fn_iu_replay(ARRAY[v_letter.event_id], ARRAY[v_letter.route_id]) AS r
  ORDER BY r.decision = 'failed' DESC, r.attempt_no IS NOT NULL DESC, r.decision LIMIT 1;
  IF attempt_no IS NULL THEN
    status := decision; decision := NULL;
  ELSE
    status := CASE WHEN decision = 'failed' THEN 'failed_again' ELSE 'replayed' END;
  END IF;
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_dead_letter_replay(bigint) IS 'Attempts a dead letter once more under the next attempt number: replayed, failed_again (it stays open), already_resolved, route_disabled or no_route (nothing was attempted), or the closed gate. IU003 unknown id';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_dead_letter_replay(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_route_dead_letter_replay(bigint) TO iu_worker;
