-- requires: dot_config, dot_inventory, dot_iu_command, iu_core, iu_event_type, iu_outbound_route
-- Which rows of the catalogue, the registries and the inventory there are, by the transactions that wrote them:
-- a stamp that was seen before means that nothing has been changed, by whatever statement. Some maintenance
-- (REINDEX, VACUUM FULL) changes it and means nothing.
CREATE FUNCTION iu_core.fn_dot_stamp()
RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  RETURN (
  -- What PostgreSQL itself brings has lower numbers, and is not walked through.
  WITH relations AS MATERIALIZED (
    SELECT oid, relkind, xmin FROM pg_class WHERE relnamespace = 'iu_core'::regnamespace
  ), written AS (
    SELECT 1 AS part, xmin FROM relations
    UNION ALL SELECT 2, xmin FROM pg_proc WHERE oid >= 16384 AND pronamespace = 'iu_core'::regnamespace
    UNION ALL SELECT 3, a.xmin FROM pg_attribute AS a WHERE a.attrelid >= 16384 AND a.attrelid IN (SELECT oid FROM relations WHERE relkind IN ('r', 'v')) AND a.attnum > 0
    UNION ALL SELECT 4, x.xmin FROM pg_attrdef AS x WHERE x.adrelid IN (SELECT oid FROM relations)
    UNION ALL SELECT 5, k.xmin FROM pg_constraint AS k WHERE k.connamespace = 'iu_core'::regnamespace
    UNION ALL SELECT 6, i.xmin FROM pg_index AS i WHERE i.indrelid IN (SELECT oid FROM relations)
    UNION ALL SELECT 7, t.xmin FROM pg_trigger AS t WHERE t.tgrelid IN (SELECT oid FROM relations)
    UNION ALL SELECT 8, r.xmin FROM pg_rewrite AS r WHERE r.ev_class IN (SELECT oid FROM relations)
    UNION ALL SELECT 9, p.xmin FROM pg_policy AS p WHERE p.polrelid IN (SELECT oid FROM relations)
    UNION ALL SELECT 10, q.xmin FROM pg_sequence AS q WHERE q.seqrelid IN (SELECT oid FROM relations)
    UNION ALL SELECT 11, n.xmin FROM pg_namespace AS n WHERE n.nspname = 'iu_core'
    UNION ALL SELECT 12, xmin FROM dot_inventory
    UNION ALL SELECT 13, xmin FROM dot_config
    UNION ALL SELECT 14, xmin FROM iu_event_type
    UNION ALL SELECT 15, xmin FROM iu_outbound_route
    UNION ALL SELECT 16, xmin FROM dot_iu_command
  )
  SELECT string_agg(concat_ws(' ', part, n, total, newest), ';' ORDER BY part)
  FROM (SELECT part, count(*) AS n, sum(x) AS total, max(x) AS newest FROM (SELECT part, xmin::text::bigint AS x FROM written OFFSET 0) AS w GROUP BY part) AS s);
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_stamp() IS 'A stamp of the catalogue, the registries and the inventory, which any change to them changes; a few milliseconds';
REVOKE ALL ON FUNCTION iu_core.fn_dot_stamp() FROM PUBLIC;
