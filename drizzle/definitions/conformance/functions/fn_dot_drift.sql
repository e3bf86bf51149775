-- requires: fn_dot_compare, iu_core
-- VOLATILE as the comparison is.
CREATE FUNCTION iu_core.fn_dot_drift()
RETURNS TABLE (class text, identity text, state text, expected text, live text, statement text, suggested_action text, digest text)
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH compared AS MATERIALIZED (SELECT fn_dot_compare() AS c)
  SELECT o.class, o.identity, o.state, o.expected, o.live, o.statement, o.suggested_action, o.digest
  FROM compared CROSS JOIN LATERAL jsonb_to_recordset(c -> 'objects') AS o(class text, identity text, state text, expected text, live text, statement text, suggested_action text, digest text)
  UNION ALL
  SELECT NULL, NULL, 'unknown', NULL, NULL, NULL, c ->> 'why', NULL FROM compared WHERE c ->> 'digest' IS NULL
$$;
COMMENT ON FUNCTION iu_core.fn_dot_drift() IS 'The live schema against the inventory: a row for each object that is missing, unexpected, changed or unknown, and not accepted so; one row without a class where nothing can be said now';
REVOKE ALL ON FUNCTION iu_core.fn_dot_drift() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_dot_drift() TO iu_reader;
