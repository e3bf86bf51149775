-- requires: dot_config, iu_core, iu_outbound_route
-- Beside fn_dot_catalogue(): what a command may switch and no definition holds. A constraint's own triggers are
-- switched by nobody; where one is off its table says so.
CREATE FUNCTION iu_core.fn_dot_state()
RETURNS TABLE (class text, identity text, switched jsonb)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, iu_core, pg_temp
SET TimeZone = 'UTC'
SET quote_all_identifiers = off
AS $$
BEGIN
  RETURN QUERY
  -- The few that matter first: of a new database PostgreSQL knows no numbers, and would ask for the triggers of each relation.
  WITH triggers AS MATERIALIZED (
    SELECT t.tgname, t.tgrelid, t.tgconstraint, t.tgisinternal, t.tgenabled, c.relname
    FROM (SELECT tgname, tgrelid, tgconstraint, tgisinternal, tgenabled FROM pg_trigger WHERE NOT tgisinternal OR tgenabled <> 'O' OFFSET 0) AS t
    JOIN pg_class AS c ON c.oid = t.tgrelid WHERE c.relnamespace = 'iu_core'::regnamespace
  )
  SELECT 'trigger', format('%s on %s', t.tgname, t.tgrelid::regclass), jsonb_build_object('enabled', t.tgenabled)
  FROM triggers AS t WHERE NOT t.tgisinternal
  UNION ALL
  SELECT 'table', t.relname::text, jsonb_build_object('constraints_off', jsonb_agg(DISTINCT k.conname))
  FROM triggers AS t JOIN pg_constraint AS k ON k.oid = t.tgconstraint WHERE t.tgisinternal GROUP BY t.relname;
  IF has_table_privilege(to_regclass('iu_core.dot_config'), 'SELECT') THEN
    RETURN QUERY SELECT 'config', key, jsonb_build_object('value', value, 'expires_at', expires_at) FROM dot_config;
  END IF;
  IF has_table_privilege(to_regclass('iu_core.iu_outbound_route'), 'SELECT') THEN
    RETURN QUERY SELECT 'route', route_code, jsonb_build_object('enabled', enabled, 'dry_run', dry_run) FROM iu_outbound_route;
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_state() IS 'The switches of the live schema that are no part of a definition: triggers on or off, gates, routes enabled and dry run';
REVOKE ALL ON FUNCTION iu_core.fn_dot_state() FROM PUBLIC;
