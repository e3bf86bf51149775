-- requires: iu_route_worker_cursor, iu_worker_schedule
CREATE FUNCTION iu_core.fn_iu_worker_plan()
RETURNS TABLE (worker_codes text[], schedule_enabled boolean, poll_ms integer, batch_size integer)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT ARRAY(SELECT c.worker_code::text FROM iu_route_worker_cursor AS c ORDER BY c.bucket_from), coalesce(s.enabled, false), s.poll_ms, s.batch_size
  FROM (VALUES (1)) AS one(n) LEFT JOIN iu_worker_schedule AS s ON true
$$;
COMMENT ON FUNCTION iu_core.fn_iu_worker_plan() IS 'What a process that runs passes has to know: every worker that has a cursor, and the consoles'' schedule';
REVOKE ALL ON FUNCTION iu_core.fn_iu_worker_plan() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_worker_plan() TO iu_worker;
