-- requires: event_outbox, information_unit, unit_version, dot_config, iu_event_type, iu_held_decision, iu_outbound_route, iu_route_attempt, iu_route_attempt_rollup, iu_route_dead_letter, iu_route_worker_cursor, iu_route_worker_run
-- What is named is looked for by name. What is numbered, among the numbers that were drawn while the probe
-- ran: an index finds them however long the history is. An attempt or dead letter whose event is not there
-- counts too, whatever it is marked with.
CREATE FUNCTION iu_core.fn_iu_probe_left(p_drawn jsonb)
RETURNS TABLE (relation text, left_rows bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH drawn AS (
    SELECT (p_drawn -> 'event_outbox' ->> 0)::bigint AS event_after, (p_drawn -> 'event_outbox' ->> 1)::bigint AS event_to,
           (p_drawn -> 'iu_route_dead_letter' ->> 0)::bigint AS letter_after, (p_drawn -> 'iu_route_dead_letter' ->> 1)::bigint AS letter_to,
           (p_drawn -> 'iu_route_worker_run' ->> 0)::bigint AS run_after, (p_drawn -> 'iu_route_worker_run' ->> 1)::bigint AS run_to
  )
  SELECT 'event_outbox', count(*) FROM drawn JOIN event_outbox AS e ON e.id > event_after AND e.id <= event_to
  WHERE e.event_subject_table = 'iu_probe' OR starts_with(e.event_type, 'iu_probe.') OR starts_with(e.event_subject_ref, 'iu_probe/')
  UNION ALL
  SELECT 'iu_held_decision', count(*) FROM drawn JOIN iu_held_decision AS h ON h.event_id > event_after AND h.event_id <= event_to
  JOIN event_outbox AS e ON e.id = h.event_id WHERE e.event_subject_table = 'iu_probe'
  UNION ALL
  SELECT 'iu_route_attempt', count(*) FROM drawn JOIN iu_route_attempt AS a ON a.event_id > event_after AND a.event_id <= event_to
  WHERE a.worker_code = 'iu_probe' OR a.target_ref = 'iu_probe' OR NOT EXISTS (SELECT FROM event_outbox AS e WHERE e.id = a.event_id)
  UNION ALL
  SELECT 'iu_route_dead_letter', count(*) FROM drawn JOIN iu_route_dead_letter AS d ON d.id > letter_after AND d.id <= letter_to
  WHERE d.event_subject_table = 'iu_probe' OR NOT EXISTS (SELECT FROM event_outbox AS e WHERE e.id = d.event_id)
  UNION ALL
  SELECT 'iu_route_worker_run', count(*) FROM drawn JOIN iu_route_worker_run AS r ON r.id > run_after AND r.id <= run_to WHERE r.worker_code = 'iu_probe'
  UNION ALL
  SELECT 'iu_route_attempt_rollup', count(*) FROM iu_route_attempt_rollup AS t
  WHERE t.worker_code = 'iu_probe' OR t.route_id <> 0 AND NOT EXISTS (SELECT FROM iu_outbound_route AS r WHERE r.id = t.route_id)
  UNION ALL
  SELECT 'iu_route_worker_cursor', count(*) FROM iu_route_worker_cursor WHERE worker_code = 'iu_probe'
  UNION ALL
  SELECT 'iu_event_type', count(*) FROM iu_event_type WHERE event_type >= 'iu_probe.' AND event_type < 'iu_probe/'
  UNION ALL
  SELECT 'iu_outbound_route', count(*) FROM iu_outbound_route WHERE route_code >= 'iu_probe.' AND route_code < 'iu_probe/'
  UNION ALL
  SELECT 'information_unit', count(*) FROM information_unit WHERE canonical_address >= 'iu_probe/' AND canonical_address < 'iu_probe0'
  UNION ALL
  SELECT 'unit_version', count(*) FROM information_unit AS u JOIN unit_version AS v ON v.unit_id = u.id WHERE u.canonical_address >= 'iu_probe/' AND u.canonical_address < 'iu_probe0'
  UNION ALL
  SELECT 'dot_config', count(*) FROM dot_config WHERE reason = 'iu_probe'
$$;
COMMENT ON FUNCTION iu_core.fn_iu_probe_left(jsonb) IS 'Rows with the probe''s marker, for each table that could have one: by name, and among the numbers that were drawn while it ran, {"table": [after, to]}';
REVOKE ALL ON FUNCTION iu_core.fn_iu_probe_left(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_probe_left(jsonb) TO iu_reader;
