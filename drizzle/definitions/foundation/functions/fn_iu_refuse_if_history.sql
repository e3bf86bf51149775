CREATE FUNCTION iu_core.fn_iu_refuse_if_history(VARIADIC p_tables text[])
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_table text;
  v_has boolean;
BEGIN
  FOREACH v_table IN ARRAY p_tables LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM iu_core.%I)', v_table) INTO v_has;
    IF v_has THEN
      RAISE EXCEPTION 'rollback refused: iu_core.% holds rows that would be destroyed', v_table
        USING ERRCODE = 'IU010', TABLE = v_table, HINT = 'Keep the unit, or restore an earlier backup into a new database.';
    END IF;
  END LOOP;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_refuse_if_history(text[]) IS 'Raises IU010 (would_destroy_history) when one of these tables holds rows; every rollback that drops tables calls it first';
REVOKE ALL ON FUNCTION iu_core.fn_iu_refuse_if_history(text[]) FROM PUBLIC;
