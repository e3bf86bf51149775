-- Snapshots of one cluster lie within each other in the order in which they were taken, fenced or not.
CREATE FUNCTION iu_core.fn_iu_snapshot_within(p_inner pg_snapshot, p_outer pg_snapshot)
RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT NOT EXISTS (SELECT FROM pg_snapshot_xip(p_outer) AS x WHERE pg_visible_in_snapshot(x, p_inner))
     -- What the outer one does not know at all, the inner one must list as in progress, without a gap.
     AND (SELECT count(*) FROM pg_snapshot_xip(p_inner) AS x WHERE x >= pg_snapshot_xmax(p_outer))
         >= pg_snapshot_xmax(p_inner)::text::numeric - pg_snapshot_xmax(p_outer)::text::numeric
$$;
COMMENT ON FUNCTION iu_core.fn_iu_snapshot_within(pg_snapshot, pg_snapshot) IS 'Whether all that is visible in the first snapshot is visible in the second';
REVOKE ALL ON FUNCTION iu_core.fn_iu_snapshot_within(pg_snapshot, pg_snapshot) FROM PUBLIC;
