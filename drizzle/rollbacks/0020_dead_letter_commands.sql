SELECT iu_core.fn_dot_commands_forget(ARRAY[
  'dot_iu_discard_dead_letters',
  'dot_iu_correct_dead_letter',
  'dot_iu_replay_skipped',
  'dot_iu_start_replay',
  'dot_iu_stop_replay',
  'dot_iu_resume_replay']);
SELECT iu_core.fn_dot_commands_register('{
  "dot_iu_replay_dead_letters": {"area":"delivery","tier":2,"required_right":"operator","gates":["iu_core.operator_runtime_enabled","iu_core.route_worker_enabled","iu_core.routes_master_enabled"],"reason_required":true,"body_params":[],"secret_params":[],"param_schema":{"type":"object","properties":{"failure_code":{"type":"string","minLength":0,"maxLength":200,"pattern":"^[^\\u0001-\\u001f\\u007f]*$"},"event_type":{"type":"string","minLength":1,"maxLength":128,"pattern":"^[a-z0-9_]+([.][a-z0-9_]+)*$"},"route":{"type":"string","minLength":1,"maxLength":128,"pattern":"^[a-z0-9_]+([.][a-z0-9_]+)*$"},"through":{"description":"none with a higher number","type":"integer","minimum":1,"maximum":9007199254740991},"limit":{"description":"at most so many","type":"integer","minimum":1,"maximum":1000}},"additionalProperties":false},"description":"Attempts the dead letters that the plan froze, each once more."}
}');
SELECT iu_core.fn_iu_vocabulary_forget('dead_letter_status');
SELECT iu_core.fn_iu_vocabulary_register('dead_letter_status', '{
  "open": "waits for an operator", "replayed": "a later attempt succeeded", "discarded": "given up, with a reason"}');
