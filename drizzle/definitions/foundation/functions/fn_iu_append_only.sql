CREATE FUNCTION iu_core.fn_iu_append_only()
RETURNS trigger
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION '%.% is append-only: % refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'IU005', TABLE = TG_TABLE_NAME, HINT = 'History is never rewritten; write a new row instead.';
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_append_only() IS 'Trigger function: raises IU005 (append_only) on whatever would change history';
REVOKE ALL ON FUNCTION iu_core.fn_iu_append_only() FROM PUBLIC;
