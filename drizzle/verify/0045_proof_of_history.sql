-- Structure and rights, denials included: the facts name every grantee there is.
DO $verify$
DECLARE
  v_wrong text;
BEGIN
  SELECT string_agg(format('%s %s: want "%s", have "%s"', e.class, e.identity, coalesce(e.facts, 'nothing'), coalesce(c.facts, 'nothing')), chr(10)) INTO v_wrong
  FROM (VALUES
    ('table', 'dot_iu_command_run', 'owner iu_owner; id bigint, command_code text, mode text, status text, code text, actor text, actor_kind text, reason text, params jsonb, param_digest bytea, state_digest bytea, plan_digest bytea, plan_run_id bigint, target_run_id bigint, idempotency_key text, object_refs text[], event_count integer, event_from bigint, event_to bigint, xid xid8, frozen jsonb, receipt jsonb, started_at timestamp with time zone, finished_at timestamp with time zone, head_no bigint, head_digest bytea, outcome text'),
    ('table', 'dot_iu_command_seal', 'owner iu_owner; seal_no bigint, run_id bigint, chain_digest bytea, sealed_at timestamp with time zone'),
    ('table', 'dot_iu_history_block', 'owner iu_owner; seal_no bigint, what text, columns text, row_keys text[], row_digests bytea[], written_after timestamp with time zone, system_identifier bigint, first_id bigint, last_id bigint, sealed_at timestamp with time zone'),
    ('table', 'dot_iu_history_state', 'owner iu_owner; is_the_one boolean, head_no bigint, head_digest bytea, system_identifier bigint, snap_from pg_snapshot, floor_id bigint, began_at timestamp with time zone, snap_to pg_snapshot, floor_to_id bigint, trusted_id bigint, last_id bigint, next_at timestamp with time zone, again_id bigint'),
    ('table', 'dot_iu_history_unsealed', 'owner iu_owner; id bigint, what text, row_keys text[], event_ids bigint[], is_again boolean'),
    ('table', 'iu_archive_move', 'owner iu_owner; id bigint, archive_id bigint, move text, xid xid8, moved_at timestamp with time zone, moved_by text, event_ids int8multirange, attempt_counts jsonb'),
    ('function', 'dot_iu_discard_held_events(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_release_held_events(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_remove_archived_events(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_replay_outcome(jsonb)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_route_attempt_one(text,bigint,integer,integer)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_replay(bigint[],integer[],bigint)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_replay_dead_letter(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_replay_dead_letters(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_replay_skipped(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_restore_archived_events(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp, TimeZone=UTC'),
    ('function', 'dot_iu_run_probe(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_run_worker(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_start_replay(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_validate_collection(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_history_kinds()', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_event_audit_restart()', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_history_begin()', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_history_block_digest(dot_iu_history_block)', 'owner iu_owner; security invoker; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_history_differs(text,int8multirange)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp, TimeZone=UTC, DateStyle=ISO, MDY, bytea_output=hex, extra_float_digits=1'),
    ('function', 'fn_dot_history_queue()', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_history_write(text,text[],bigint[],timestamp with time zone,boolean,text)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp, TimeZone=UTC, DateStyle=ISO, MDY, bytea_output=hex, extra_float_digits=1'),
    ('function', 'fn_dot_history_seal(integer)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp, plan_cache_mode=force_generic_plan; EXECUTE iu_approver, EXECUTE iu_console, EXECUTE iu_operator, EXECUTE iu_worker'),
    ('function', 'fn_dot_history_verify()', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_reader'),
    ('function', 'fn_dot_ledger_row_digest(dot_iu_command_run)', 'owner iu_owner; security invoker; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_ledger_seal(integer)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_approver, EXECUTE iu_console, EXECUTE iu_operator, EXECUTE iu_worker'),
    ('function', 'fn_dot_ledger_verify(text)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_reader'),
    ('function', 'fn_dot_run_write(dot_iu_command_run,jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_event_audit(integer)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp, plan_cache_mode=force_generic_plan; EXECUTE iu_approver, EXECUTE iu_console, EXECUTE iu_operator, EXECUTE iu_worker'),
    ('function', 'fn_iu_route_workers_health(text)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp, plan_cache_mode=force_generic_plan; EXECUTE iu_reader'),
    ('view', 'v_iu_exporter', 'owner iu_owner; SELECT iu_reader; exporter_id integer, host text, folder text, created_at timestamp with time zone, created_by text, pending integer, changed integer, exported integer, exported_at timestamp with time zone, is_running boolean, edited integer, unrendered integer'),
    ('function', 'fn_iu_sync_layers()', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_reader'),
    ('function', 'fn_iu_works()', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_reader'),
    ('view', 'v_dot_iu_command_registry', 'owner iu_owner; SELECT iu_reader; command_code text, area text, tier smallint, required_right text, gates text[], reason_required boolean, confirm_param text, param_schema jsonb, description text, planned integer, succeeded integer, refused integer, failed integer, undone integer, last_run_id bigint, last_run_at timestamp with time zone, last_actor text, last_status text, otherwise integer'),
    ('view', 'v_dot_iu_command_run', 'owner iu_owner; SELECT iu_reader; run_id bigint, command_code text, mode text, status text, code text, actor text, actor_kind text, reason text, params jsonb, object_refs text[], event_count integer, event_from bigint, event_to bigint, plan_digest text, plan_run_id bigint, target_run_id bigint, idempotency_key text, receipt jsonb, started_at timestamp with time zone, finished_at timestamp with time zone, duration_ms numeric, verify_status text, verify_run_id bigint, undone_by_run_id bigint, seal_no bigint, outcome text'),
    ('view', 'v_dot_iu_command_run_health', 'owner iu_owner; SELECT iu_reader; runs integer, apply integer, applied integer, refused integer, failed integer, unverified integer, otherwise integer, last_run_at timestamp with time zone, unsealed integer, oldest_unsealed_at timestamp with time zone, head_no bigint, head text, last_sealed_at timestamp with time zone'),
    ('view', 'v_iu_collection_health', 'owner iu_owner; SELECT iu_reader; collection_id bigint, canonical_address text, healthy boolean, pieces integer, pieces_counted integer, bytes bigint, bytes_counted bigint, missing_body integer, retired_inside integer, render_stale boolean, differs_from_source boolean, findings integer'),
    ('trigger', 'trg_dot_iu_history_block_append_only on dot_iu_history_block', 'executes fn_iu_append_only()'),
    ('trigger', 'trg_information_unit_unsealed on information_unit', 'executes fn_dot_history_queue()'),
    ('trigger', 'trg_iu_archive_move_unsealed on iu_archive_move', 'executes fn_dot_history_queue()'),
    ('trigger', 'trg_iu_archive_unsealed on iu_archive', 'executes fn_dot_history_queue()'),
    ('trigger', 'trg_iu_backup_evidence_unsealed on iu_backup_evidence', 'executes fn_dot_history_queue()'),
    ('trigger', 'trg_iu_collection_checkpoint_piece_unsealed on iu_collection_checkpoint_piece', 'executes fn_dot_history_queue()'),
    ('trigger', 'trg_iu_collection_checkpoint_unsealed on iu_collection_checkpoint', 'executes fn_dot_history_queue()'),
    ('trigger', 'trg_iu_held_decision_append_only on iu_held_decision', 'executes fn_iu_append_only()'),
    ('trigger', 'trg_iu_held_decision_unsealed on iu_held_decision', 'executes fn_dot_history_queue()'),
    ('trigger', 'trg_unit_version_unsealed on unit_version', 'executes fn_dot_history_queue()')
  ) AS e(class, identity, facts)
  LEFT JOIN iu_core.fn_dot_catalogue('{function,table,trigger,view}') AS c ON c.class = e.class AND c.identity = e.identity
  WHERE c.facts IS DISTINCT FROM e.facts;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'not as deployed: %', v_wrong;
  END IF;
END
$verify$;
