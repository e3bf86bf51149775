-- Every command is registered, and each has its handler.
DO $verify$
DECLARE
  v_missing text;
BEGIN
  SELECT string_agg(e.code, ', ') INTO v_missing
  FROM unnest(ARRAY[
  'dot_iu_create_piece',
  'dot_iu_revise_piece',
  'dot_iu_clone_piece',
  'dot_iu_add_piece',
  'dot_iu_reorder_piece',
  'dot_iu_remove_piece_from_collection',
  'dot_iu_enact_piece',
  'dot_iu_retire_piece',
  'dot_iu_soft_delete_piece',
  'dot_iu_restore_piece',
  'dot_iu_refresh_metadata_axes',
  'dot_iu_create_collection',
  'dot_iu_create_file_from_pieces',
  'dot_iu_create_workflow_from_steps',
  'dot_iu_validate_collection',
  'dot_iu_render_collection',
  'dot_iu_checkpoint_collection',
  'dot_iu_import_text',
  'dot_iu_replay_dead_letter',
  'dot_iu_replay_dead_letters',
  'dot_iu_discard_dead_letter',
  'dot_iu_run_worker',
  'dot_iu_release_held_events',
  'dot_iu_discard_held_events',
  'dot_iu_enable_route',
  'dot_iu_disable_route',
  'dot_iu_close_gate',
  'dot_iu_open_gate',
  'dot_iu_disable_triggers',
  'dot_iu_enable_triggers',
  'dot_iu_register_event_type',
  'dot_iu_register_route',
  'dot_iu_add_account',
  'dot_iu_set_account_right',
  'dot_iu_disable_account',
  'dot_iu_enable_account',
  'dot_iu_set_password',
  'dot_iu_issue_token',
  'dot_iu_revoke_token']) AS e(code)
  WHERE NOT EXISTS (SELECT FROM iu_core.dot_iu_command AS c WHERE c.command_code = e.code) OR to_regprocedure(format('iu_core.%I(jsonb, jsonb)', e.code)) IS NULL;
  IF v_missing IS NOT NULL THEN
    RAISE EXCEPTION 'not registered, or without a handler: %', v_missing;
  END IF;
END
$verify$;
