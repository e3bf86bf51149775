-- requires: iu_core, v_iu_event_backlog, v_iu_held_event
CREATE FUNCTION iu_core.fn_dot_gate_would_release(p_gate text)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT CASE p_gate
    WHEN 'iu_core.route_worker_enabled' THEN (SELECT jsonb_build_array(CASE WHEN coalesce(sum(pending), 0) = 0 THEN 'No event waits for the worker.' ELSE
        format('%s wait%s for the worker, of %s.', CASE WHEN sum(pending) > 10000 THEN '10,000+ events' WHEN sum(pending) = 1 THEN '1 event' ELSE sum(pending) || ' events' END,
               CASE sum(pending) WHEN 1 THEN 's' ELSE '' END, CASE count(*) WHEN 1 THEN '1 type' ELSE count(*) || ' types' END) END) FROM v_iu_event_backlog)
    WHEN 'iu_core.routes_master_enabled' THEN (SELECT jsonb_build_array(CASE count(*) WHEN 0 THEN 'New events go to their lanes again. No event is held.' ELSE
        format('New events go to their lanes again. %s until released or discarded.', CASE WHEN count(*) > 10000 THEN '10,000+ held events stay held' WHEN count(*) = 1 THEN '1 held event stays held' ELSE count(*) || ' held events stay held' END) END) FROM (SELECT FROM v_iu_held_event LIMIT 10001) AS held)
    ELSE '[]' END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_gate_would_release(text) IS 'What the opening of a gate lets go, in words';
REVOKE ALL ON FUNCTION iu_core.fn_dot_gate_would_release(text) FROM PUBLIC;
