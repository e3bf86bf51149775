SELECT iu_core.fn_dot_commands_forget(ARRAY[
  'dot_iu_accept_deviation',
  'dot_iu_withdraw_acceptance']);
