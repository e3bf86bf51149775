-- requires: fn_iu_route_workers_health
CREATE FUNCTION iu_core.fn_iu_route_worker_health(p_worker_code text)
RETURNS TABLE (healthy boolean, reasons text[], worker_gate_open boolean, master_gate_open boolean, delivery_mode text, blocked_by text,
               backlog integer, oldest_unrouted_at timestamptz, held_back_since timestamptz, open_dead_letters integer,
               last_pass_at timestamptz, last_pass_seen integer, locked_since timestamptz, oldest_snapshot_at timestamptz, accounting jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  IF NOT EXISTS (SELECT FROM iu_route_worker_cursor AS c WHERE c.worker_code = p_worker_code) THEN
    RAISE EXCEPTION 'worker_code: % has no cursor', coalesce(p_worker_code, 'null') USING ERRCODE = 'IU003', COLUMN = 'worker_code';
  END IF;
  RETURN QUERY
  SELECT h.healthy, h.reasons, h.worker_gate_open, h.master_gate_open, h.delivery_mode, h.blocked_by, h.backlog, h.oldest_unrouted_at, h.held_back_since,
         h.open_dead_letters, h.last_pass_at, h.last_pass_seen, h.locked_since, h.oldest_snapshot_at, h.accounting
  FROM fn_iu_route_workers_health(p_worker_code) AS h;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_worker_health(text) IS 'Healthy, or every reason why not: gates, buckets without a cursor, backlog, age of the oldest unrouted event, a transaction that holds events back, open dead letters, who holds the cursor, an old snapshot, unexplained events; with the last pass and the accounting identity. IU003 unknown worker';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_worker_health(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_route_worker_health(text) TO iu_reader, iu_worker;
