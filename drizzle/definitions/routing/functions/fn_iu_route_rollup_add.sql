-- requires: iu_route_attempt_rollup
-- Not in SQL, as what a pass calls is not: its plan is kept from call to call, which that of an SQL function is not before 18.
CREATE FUNCTION iu_core.fn_iu_route_rollup_add(p_worker_code text, p_at timestamptz, p_route_ids integer[], p_statuses text[], p_counts integer[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  INSERT INTO iu_route_attempt_rollup AS t (worker_code, span_start, route_id, status, attempts, last_attempt_at)
  SELECT p_worker_code, span_start, route_id, status, n, p_at
  FROM unnest(p_route_ids, p_statuses, p_counts) AS a(route_id, status, n)
  CROSS JOIN (VALUES ('-infinity'::timestamptz), (date_trunc('hour', p_at, 'UTC'))) AS span(span_start)
  ORDER BY span_start, route_id, status
  ON CONFLICT (worker_code, span_start, route_id, status)
  DO UPDATE SET attempts = t.attempts + excluded.attempts, last_attempt_at = greatest(t.last_attempt_at, excluded.last_attempt_at);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_rollup_add(text, timestamptz, integer[], text[], integer[]) IS 'Adds counts of attempts made at p_at, one element a route and status, to its hour and to all time';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_rollup_add(text, timestamptz, integer[], text[], integer[]) FROM PUBLIC;
