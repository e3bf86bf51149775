-- requires: iu_core
-- The runner's book stands in a schema of its own, which need not be there when this function is made.
CREATE FUNCTION iu_core.fn_iu_contract()
RETURNS TABLE (contract_unit text, contract_digest text, applied_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  IF to_regclass('iu_deploy.applied_unit') IS NOT NULL THEN
    RETURN QUERY EXECUTE $q$
      SELECT (array_agg(tag ORDER BY number DESC))[1], encode(sha256(convert_to(string_agg(tag || ' ' || hash || chr(10), '' ORDER BY number), 'UTF8')), 'hex'), max(applied_at)
      FROM iu_deploy.applied_unit HAVING count(*) > 0$q$;
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_contract() IS 'What this database is at: its newest unit, SHA-256 over the tags and hashes of all applied units, and when the newest was applied; no row where no unit is on record';
REVOKE ALL ON FUNCTION iu_core.fn_iu_contract() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_contract() TO iu_reader;
