-- requires: dot_config, iu_core, iu_vocabulary
CREATE FUNCTION iu_core.fn_iu_gate_repair(p_gate text)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  INSERT INTO dot_config (key, value, value_type, description, reason)
  SELECT term, 'false', 'gate', description, 'made anew, closed' FROM iu_vocabulary WHERE term_class = 'gate' AND term = p_gate
  ON CONFLICT (key) DO NOTHING
$$;
COMMENT ON FUNCTION iu_core.fn_iu_gate_repair(text) IS 'Makes the row of a declared gate that has lost it, closed';
REVOKE ALL ON FUNCTION iu_core.fn_iu_gate_repair(text) FROM PUBLIC;
