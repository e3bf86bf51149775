-- requires: information_unit, iu_core
CREATE FUNCTION iu_core.fn_dot_unit(p_params jsonb, p_field text)
RETURNS iu_core.information_unit
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_unit information_unit;
BEGIN
  SELECT * INTO v_unit FROM information_unit WHERE canonical_address = p_params ->> p_field FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION '%: no piece has the address %', p_field, p_params ->> p_field USING ERRCODE = 'IU003', COLUMN = p_field;
  END IF;
  RETURN v_unit;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_unit(jsonb, text) IS 'The unit that a parameter names by its address, locked; IU003 when there is none';
REVOKE ALL ON FUNCTION iu_core.fn_dot_unit(jsonb, text) FROM PUBLIC;
