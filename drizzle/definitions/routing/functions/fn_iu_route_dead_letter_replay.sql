CREATE FUNCTION iu_core.fn_iu_route_dead_letter_replay(p_dead_letter_id bigint)
RETURNS TABLE (status text, decision text, attempt_no integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  v_letter iu_route_dead_letter;
  v_attempt_no integer;
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
  SELECT max(a.attempt_no) + 1 INTO v_attempt_no FROM iu_route_attempt AS a WHERE a.event_id = v_letter.event_id AND a.route_id = v_letter.route_id;
  decision := fn_iu_route_attempt_one('replay', v_letter.event_id, v_letter.route_id, v_attempt_no);
  attempt_no := v_attempt_no;
  IF decision IN ('dry_run', 'sent') THEN
    UPDATE iu_route_dead_letter
    SET status = 'replayed', resolved_at = clock_timestamp(), resolved_by = fn_iu_actor(), resolved_attempt_no = v_attempt_no
    WHERE id = p_dead_letter_id;
    status := 'replayed';
  ELSE
    status := 'failed_again';
  END IF;
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_dead_letter_replay(bigint) IS 'Attempts a dead letter once more under the next attempt number: replayed, failed_again (it stays open), already_resolved, or the closed gate. IU003 unknown id';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_dead_letter_replay(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_route_dead_letter_replay(bigint) TO iu_worker;
