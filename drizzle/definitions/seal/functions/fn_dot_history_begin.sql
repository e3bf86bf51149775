-- requires: dot_iu_command_seal, dot_iu_history_state, dot_iu_history_unsealed, fn_dot_history_kinds, fn_iu_event_audit_restart
-- Called once, by the unit that made the sealer. What there was before anything of it was sealed: events are read from the first, attempts come from the audit, the rest by key.
CREATE FUNCTION iu_core.fn_dot_history_begin()
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_kind record;
BEGIN
  INSERT INTO dot_iu_history_state (head_no, head_digest)
  SELECT coalesce(max(s.seal_no), 0), (SELECT l.chain_digest FROM dot_iu_command_seal AS l ORDER BY l.seal_no DESC LIMIT 1) FROM dot_iu_command_seal AS s;
  FOR v_kind IN SELECT * FROM fn_dot_history_kinds() WHERE what NOT IN ('events', 'dead_letters') LOOP
    EXECUTE format('INSERT INTO dot_iu_history_unsealed (what, row_keys, is_again) SELECT %L, array_agg(key), true FROM (SELECT concat_ws(''/'', %s) AS key, row_number() OVER () / 1000 AS part FROM %I%s) AS n GROUP BY part',
                   v_kind.what, array_to_string(v_kind.key_columns, ', '), v_kind.relation, CASE v_kind.what WHEN 'attempts' THEN ' WHERE worker_code = ''replay''' ELSE '' END);
  END LOOP;
  PERFORM fn_iu_event_audit_restart() WHERE EXISTS (SELECT FROM iu_event_audit);
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_history_begin() IS 'Makes the sealer''s state, and leaves it all the history that there is';
REVOKE ALL ON FUNCTION iu_core.fn_dot_history_begin() FROM PUBLIC;
