-- requires: dot_config, iu_vocabulary
CREATE FUNCTION iu_core.fn_iu_gate_retract()
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_open text;
BEGIN
  SELECT string_agg(key, ', ' ORDER BY key) INTO v_open FROM dot_config WHERE fn_iu_gate_is_open(key);
  IF v_open IS NOT NULL THEN
    RAISE EXCEPTION 'gates are open: %', v_open
      USING ERRCODE = 'IU010', HINT = 'Close them first: iu gate close NAME --reason TEXT';
  END IF;
  DELETE FROM dot_config WHERE value_type = 'gate';
  PERFORM fn_iu_vocabulary_forget('gate');
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_gate_retract() IS 'Removes every gate declaration, the rollback of fn_iu_gate_declare; refuses (IU010) while one is open';
REVOKE ALL ON FUNCTION iu_core.fn_iu_gate_retract() FROM PUBLIC;
