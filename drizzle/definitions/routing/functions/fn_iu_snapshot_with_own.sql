-- A snapshot never lists the transaction that takes it. Stored as it is, a pass inside a writing
-- transaction could later look as if it had seen what that transaction had yet to write. So the own
-- id is put in as in progress, and so is every id between the old upper end and it.
CREATE FUNCTION iu_core.fn_iu_snapshot_with_own(p_snapshot pg_snapshot, p_own xid8)
RETURNS pg_snapshot
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT CASE WHEN p_own IS NULL THEN p_snapshot ELSE (
    SELECT format('%s:%s:%s', least(pg_snapshot_xmin(p_snapshot), p_own), greatest(pg_snapshot_xmax(p_snapshot)::text::numeric, p_own::text::numeric + 1),
                  string_agg(x::text, ',' ORDER BY x))
    FROM (SELECT x::text::numeric AS x FROM pg_snapshot_xip(p_snapshot) AS x
          UNION SELECT p_own::text::numeric
          UNION SELECT generate_series(pg_snapshot_xmax(p_snapshot)::text::numeric, p_own::text::numeric - 1)) AS running
  )::pg_snapshot END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_snapshot_with_own(pg_snapshot, xid8) IS 'The snapshot with one more transaction listed as in progress; unchanged when that is null';
REVOKE ALL ON FUNCTION iu_core.fn_iu_snapshot_with_own(pg_snapshot, xid8) FROM PUBLIC;
