SELECT iu_core.fn_dot_commands_forget(ARRAY['dot_iu_record_archive', 'dot_iu_remove_archived_events', 'dot_iu_restore_archived_events']);
