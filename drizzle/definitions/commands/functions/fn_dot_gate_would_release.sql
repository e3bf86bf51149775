-- requires: iu_core, v_iu_event_backlog, v_iu_held_event
CREATE FUNCTION iu_core.fn_dot_gate_would_release(p_gate text)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT CASE p_gate
    WHEN 'iu_core.route_worker_enabled' THEN (SELECT jsonb_build_array(format('%s events wait for the worker, of %s types.', CASE WHEN coalesce(sum(pending), 0) > 10000 THEN '10,000+' ELSE coalesce(sum(pending), 0)::text END, count(*))) FROM v_iu_event_backlog)
    WHEN 'iu_core.routes_master_enabled' THEN (SELECT jsonb_build_array(format('New events go to their lanes again. %s held events stay held until they are released or discarded.', CASE WHEN count(*) > 10000 THEN '10,000+' ELSE count(*)::text END)) FROM (SELECT FROM v_iu_held_event LIMIT 10001) AS held)
    ELSE '[]' END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_gate_would_release(text) IS 'What the opening of a gate lets go, in words';
REVOKE ALL ON FUNCTION iu_core.fn_dot_gate_would_release(text) FROM PUBLIC;
