-- A snapshot as PostgreSQL gives it says too much to be stored, twice over. It never lists the
-- transaction that takes it; and its upper end is one above the newest that has finished, so it does not
-- list the running ones above that either, though they may have drawn event ids already. Here both are put
-- in as in progress: what a fenced snapshot does not know got its transaction id after p_newest.
CREATE FUNCTION iu_core.fn_iu_snapshot_fenced(p_snapshot pg_snapshot, p_own xid8, p_newest xid8)
RETURNS pg_snapshot
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT format('%s:%s:%s', least(pg_snapshot_xmin(p_snapshot), p_own), greatest(pg_snapshot_xmax(p_snapshot)::text::numeric, p_newest::text::numeric + 1),
                string_agg(x::text, ',' ORDER BY x))::pg_snapshot
  FROM (SELECT x::text::numeric AS x FROM pg_snapshot_xip(p_snapshot) AS x
        UNION SELECT p_own::text::numeric
        UNION SELECT generate_series(pg_snapshot_xmax(p_snapshot)::text::numeric, p_newest::text::numeric)) AS running
$$;
COMMENT ON FUNCTION iu_core.fn_iu_snapshot_fenced(pg_snapshot, xid8, xid8) IS 'The snapshot with p_own, and every transaction from its upper end to p_newest, listed as in progress';
REVOKE ALL ON FUNCTION iu_core.fn_iu_snapshot_fenced(pg_snapshot, xid8, xid8) FROM PUBLIC;
