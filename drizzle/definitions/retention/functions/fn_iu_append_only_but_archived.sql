-- requires: iu_archive_move
CREATE FUNCTION iu_core.fn_iu_append_only_but_archived()
RETURNS trigger
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    -- The removal stands on record before the first row goes, in the transaction that both belong to.
    IF EXISTS (SELECT FROM iu_archive_move WHERE xid = pg_current_xact_id_if_assigned() AND move = 'removed') THEN
      RETURN NULL;
    END IF;
  END IF;
  RAISE EXCEPTION '%.% is append-only: % refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'IU005', TABLE = TG_TABLE_NAME, HINT = 'History is never rewritten; write a new row instead, or archive old ones.';
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_append_only_but_archived() IS 'Trigger function: raises IU005 (append_only) on whatever would change history, but for the removal of what is archived';
REVOKE ALL ON FUNCTION iu_core.fn_iu_append_only_but_archived() FROM PUBLIC;
