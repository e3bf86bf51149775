-- requires: dot_iu_command, iu_core
CREATE FUNCTION iu_core.fn_dot_commands_register(p_commands jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_wrong text;
BEGIN
  SELECT string_agg(key, ', ') INTO v_wrong FROM jsonb_each(p_commands)
  WHERE to_regprocedure(format('iu_core.%I(jsonb, jsonb)', key)) IS NULL;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'commands: % without a handler', v_wrong USING ERRCODE = 'IU002', COLUMN = 'commands', HINT = 'A handler is iu_core.NAME(params jsonb, context jsonb).';
  END IF;
  INSERT INTO dot_iu_command (command_code, area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, param_schema, description)
  SELECT key, c.area, c.tier, c.required_right, c.gates, c.reason_required, c.confirm_param, c.body_params, c.secret_params, c.param_schema, c.description
  FROM jsonb_each(p_commands) CROSS JOIN LATERAL jsonb_populate_record(NULL::dot_iu_command, value) AS c
  ON CONFLICT (command_code) DO UPDATE
  SET area = excluded.area, tier = excluded.tier, required_right = excluded.required_right, gates = excluded.gates, reason_required = excluded.reason_required,
      confirm_param = excluded.confirm_param, body_params = excluded.body_params, secret_params = excluded.secret_params,
      param_schema = excluded.param_schema, description = excluded.description;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_commands_register(jsonb) IS 'Registers commands: {"code": {"area", "tier", "required_right", "gates", "reason_required", "confirm_param", "body_params", "secret_params", "param_schema", "description"}}; IU002 for one without a handler';
REVOKE ALL ON FUNCTION iu_core.fn_dot_commands_register(jsonb) FROM PUBLIC;
