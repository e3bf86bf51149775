SELECT iu_core.fn_dot_commands_forget(ARRAY['dot_iu_run_probe']);
