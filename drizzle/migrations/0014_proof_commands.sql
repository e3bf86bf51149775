-- unit: data

SELECT iu_core.fn_dot_commands_register('{
  "dot_iu_run_probe": {"area":"delivery","tier":1,"required_right":"operator","gates":[],"reason_required":false,"body_params":[],"secret_params":[],"param_schema":{"type":"object","properties":{},"additionalProperties":false},"description":"Tries the eight scenarios A to H on the live schema, each taken back, and shows that nothing is left."}
}');
