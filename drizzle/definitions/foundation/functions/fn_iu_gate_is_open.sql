-- requires: fn_iu_gate_state
CREATE FUNCTION iu_core.fn_iu_gate_is_open(p_gate text)
RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  RETURN fn_iu_gate_state(p_gate) = 'open';
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_gate_is_open(text) IS 'True only for an open gate; never null';
REVOKE ALL ON FUNCTION iu_core.fn_iu_gate_is_open(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_gate_is_open(text) TO iu_reader;
