CREATE FUNCTION iu_core.fn_iu_probe_refusal(p_statement text)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  EXECUTE p_statement;
  RETURN 'not refused';
EXCEPTION
  WHEN serialization_failure OR deadlock_detected OR lock_not_available THEN
    RAISE;
  WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_probe_refusal(text) IS 'The SQLSTATE that a statement is refused with, or "not refused"; for the probe, which takes back what was not';
REVOKE ALL ON FUNCTION iu_core.fn_iu_probe_refusal(text) FROM PUBLIC;
