-- requires: dot_iu_history_state, iu_event_audit, iu_event_audit_late, iu_event_audit_open, iu_route_attempt_block
CREATE FUNCTION iu_core.fn_iu_event_audit_restart()
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.iu_event_audit'));
  -- The trigger on the decisions counts into the row that is there: none may be under way while it is made.
  LOCK TABLE iu_held_decision IN SHARE MODE;
  UPDATE dot_iu_history_state SET again_id = coalesce(pg_sequence_last_value('iu_core.event_outbox_id_seq'), 0) WHERE head_no > 0;
  DELETE FROM iu_event_audit_late;
  DELETE FROM iu_event_audit_open;
  DELETE FROM iu_route_attempt_block;
  DELETE FROM iu_event_audit;
  INSERT INTO iu_event_audit (system_identifier, discarded, archived)
  SELECT fn_iu_system_identifier(), (SELECT count(*) FROM iu_held_decision), (SELECT coalesce(sum(events), 0) FROM v_iu_archive WHERE is_removed);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_event_audit_restart() IS 'Lets the audit begin anew at the first event';
REVOKE ALL ON FUNCTION iu_core.fn_iu_event_audit_restart() FROM PUBLIC;
