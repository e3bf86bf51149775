SELECT iu_core.fn_dot_commands_forget(ARRAY[
  'dot_iu_split_cursor',
  'dot_iu_join_cursors',
  'dot_iu_enable_schedule',
  'dot_iu_disable_schedule']);
