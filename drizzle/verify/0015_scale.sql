-- Structure and rights, denials included: the facts name every grantee there is.
DO $verify$
DECLARE
  v_wrong text;
BEGIN
  SELECT string_agg(format('%s %s: want "%s", have "%s"', e.class, e.identity, coalesce(e.facts, 'nothing'), coalesce(c.facts, 'nothing')), chr(10)) INTO v_wrong
  FROM (VALUES
    ('table', 'event_outbox', 'owner iu_owner; xid xid8, id bigint, event_domain text, event_type text, event_subject_table text, event_subject_ref text, payload jsonb, delivery_lane text, idempotency_key text, bucket smallint, actor text, created_at timestamp with time zone, released_from bigint'),
    ('table', 'iu_archive', 'owner iu_owner; id bigint, file_name text, file_digest bytea, file_bytes bigint, content_digest bytea, content_bytes bigint, first_id bigint, last_id bigint, events bigint, attempts bigint, older_than timestamp with time zone, oldest_at timestamp with time zone, newest_at timestamp with time zone, made_at timestamp with time zone, made_by text'),
    ('table', 'iu_archive_move', 'owner iu_owner; id bigint, archive_id bigint, move text, xid xid8, moved_at timestamp with time zone, moved_by text'),
    ('table', 'iu_event_audit', 'owner iu_owner; is_the_one boolean, system_identifier bigint, through_id bigint, attempted bigint, written_held bigint, released bigint, discarded bigint, archived bigint, audited_at timestamp with time zone'),
    ('table', 'iu_event_audit_late', 'owner iu_owner; xid xid8, through_id bigint'),
    ('table', 'iu_event_audit_open', 'owner iu_owner; event_id bigint'),
    ('table', 'iu_route_attempt', 'owner iu_owner; event_id bigint, route_id integer, attempt_no integer, status text, failure_code text, failure_detail text, target_kind text, target_ref text, worker_code text, created_at timestamp with time zone'),
    ('table', 'iu_route_attempt_block', 'owner iu_owner; event_type text, route_id integer, status text, block_no bigint, attempts bigint'),
    ('view', 'v_iu_event_claim', 'owner iu_owner; event_id bigint, xid xid8, event_domain text, event_type text, created_at timestamp with time zone, worker_code text, is_passed boolean, released_from bigint'),
    ('view', 'v_iu_event_archivable', 'owner iu_owner; event_id bigint, newest_at timestamp with time zone'),
    ('function', 'fn_iu_archive_content(timestamp with time zone,bigint,bigint,integer,bigint)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp, TimeZone=UTC; EXECUTE iu_approver'),
    ('function', 'dot_iu_record_archive(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_attempt_block_count(bigint[],integer)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('view', 'v_iu_archive', 'owner iu_owner; SELECT iu_reader; archive_id bigint, file_name text, file_digest text, file_bytes bigint, content_digest text, content_bytes bigint, first_id bigint, last_id bigint, events bigint, attempts bigint, older_than timestamp with time zone, oldest_at timestamp with time zone, newest_at timestamp with time zone, made_at timestamp with time zone, made_by text, is_removed boolean, moved_at timestamp with time zone, moved_by text'),
    ('function', 'dot_iu_remove_archived_events(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_restore_archived_events(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp, TimeZone=UTC'),
    ('function', 'fn_iu_route_attempt_one(text,bigint,integer,integer)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_check(jsonb)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_event_pending(integer)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_reader'),
    ('function', 'fn_dot_run_verify(dot_iu_command_run,dot_iu_command_run)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_append_only_but_archived()', 'owner iu_owner; security invoker; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_archive_forecast(timestamp with time zone)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_reader'),
    ('function', 'fn_iu_cursor_reset(text)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('view', 'v_iu_event_unaudited', 'owner iu_owner; event_id bigint'),
    ('function', 'fn_iu_event_account(integer)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_reader'),
    ('function', 'fn_iu_event_archived(bigint)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_event_audit_restart()', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_event_audit(integer)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp, plan_cache_mode=force_generic_plan; EXECUTE iu_approver, EXECUTE iu_console, EXECUTE iu_operator, EXECUTE iu_worker'),
    ('function', 'fn_iu_held_decision_count()', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_route_attempt_count(text,text,text,integer)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_reader'),
    ('function', 'fn_iu_route_attempt_find(text,text,text,boolean,bigint,integer,integer,integer)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_reader'),
    ('view', 'v_iu_accounting', 'owner iu_owner; SELECT iu_reader; events bigint, attempted bigint, held bigint, released bigint, discarded bigint, archived bigint, not_yet_routed bigint, unexplained bigint, is_exact boolean, audited_through bigint'),
    ('view', 'v_iu_accounting_recount', 'owner iu_owner; SELECT iu_reader; events bigint, attempted bigint, held bigint, released bigint, discarded bigint, archived bigint, not_yet_routed bigint, unexplained bigint'),
    ('view', 'v_iu_collection_piece', 'owner iu_owner; SELECT iu_reader; collection_id bigint, collection_address text, position numeric, unit_id bigint, unit_address text, unit_kind text, lifecycle_status text, title text, section_level integer, depth integer, version_seq integer, pinned boolean, content_digest text, byte_length integer, separator text, body text, used_in integer'),
    ('trigger', 'trg_event_outbox_append_only on event_outbox', 'executes fn_iu_append_only_but_archived()'),
    ('trigger', 'trg_iu_archive_append_only on iu_archive', 'executes fn_iu_append_only()'),
    ('trigger', 'trg_iu_archive_move_append_only on iu_archive_move', 'executes fn_iu_append_only()'),
    ('trigger', 'trg_iu_held_decision_count on iu_held_decision', 'executes fn_iu_held_decision_count()'),
    ('trigger', 'trg_iu_route_attempt_append_only on iu_route_attempt', 'executes fn_iu_append_only_but_archived()')
  ) AS e(class, identity, facts)
  LEFT JOIN iu_core.fn_dot_catalogue() AS c ON c.class = e.class AND c.identity = e.identity
  WHERE c.facts IS DISTINCT FROM e.facts;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'not as deployed: %', v_wrong;
  END IF;
END
$verify$;
