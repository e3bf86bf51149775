CREATE FUNCTION iu_core.fn_iu_held_decision_count()
RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  -- Where there is no audit yet, its beginning counts.
  UPDATE iu_event_audit SET discarded = discarded + (SELECT count(*) FROM new_rows);
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_held_decision_count() IS 'Trigger function: counts discarded events into the audit, in the transaction that discards them';
REVOKE ALL ON FUNCTION iu_core.fn_iu_held_decision_count() FROM PUBLIC;
