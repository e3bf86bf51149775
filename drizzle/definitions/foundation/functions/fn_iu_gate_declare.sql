-- requires: dot_config, iu_vocabulary
CREATE FUNCTION iu_core.fn_iu_gate_declare(p_gates jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  PERFORM fn_iu_vocabulary_register('gate', p_gates);
  -- A gate that exists keeps its state: declaring again never opens and never closes.
  INSERT INTO dot_config (key, value, value_type, description, reason)
  SELECT key, 'false', 'gate', value, 'seeded closed' FROM jsonb_each_text(p_gates)
  ON CONFLICT (key) DO NOTHING;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_gate_declare(jsonb) IS 'Declares gates, closed: {"key": "what it lets through"}';
REVOKE ALL ON FUNCTION iu_core.fn_iu_gate_declare(jsonb) FROM PUBLIC;
