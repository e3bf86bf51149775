-- Structure and rights, denials included: the facts name every grantee there is.
DO $verify$
DECLARE
  v_wrong text;
BEGIN
  SELECT string_agg(format('%s %s: want "%s", have "%s"', e.class, e.identity, coalesce(e.facts, 'nothing'), coalesce(c.facts, 'nothing')), chr(10)) INTO v_wrong
  FROM (VALUES
    ('table', 'iu_outbound_route', 'owner iu_owner; id integer, route_code text, event_type text, target_kind text, target_ref text, enabled boolean, dry_run boolean, definition_digest bytea, approval_digest bytea, registered_at timestamp with time zone, registered_by text'),
    ('table', 'iu_route_attempt', 'owner iu_owner; event_id bigint, route_id integer, attempt_no integer, status text, failure_code text, failure_detail text, target_kind text, target_ref text, worker_code text, created_at timestamp with time zone'),
    ('table', 'iu_route_attempt_rollup', 'owner iu_owner; worker_code text, span_start timestamp with time zone, route_id integer, status text, attempts bigint, last_attempt_at timestamp with time zone'),
    ('table', 'iu_route_dead_letter', 'owner iu_owner; id bigint, event_id bigint, route_id integer, attempt_no integer, failure_code text, failure_detail text, event_domain text, event_type text, event_subject_table text, event_subject_ref text, payload jsonb, actor text, event_created_at timestamp with time zone, status text, created_at timestamp with time zone, resolved_at timestamp with time zone, resolved_by text, resolved_attempt_no integer'),
    ('table', 'iu_route_worker_cursor', 'owner iu_owner; worker_code text, lock_no integer, bucket_from smallint, bucket_to smallint, system_identifier bigint, snap_from pg_snapshot, floor_id bigint, snap_to pg_snapshot, floor_to_id bigint, trusted_id bigint, last_id bigint, own_xid xid8, own_last_id bigint, events_seen bigint, last_pass_at timestamp with time zone, last_pass_seen integer'),
    ('table', 'iu_route_worker_run', 'owner iu_owner; id bigint, worker_code text, started_at timestamp with time zone, finished_at timestamp with time zone, seen integer, attempts_written integer, skipped integer, dead_lettered integer, run_by text'),
    ('function', 'fn_iu_cursor_declare(text,integer,integer)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_cursor_reset(text)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_cursor_retract(text)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_system_identifier()', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_reader'),
    ('view', 'v_iu_event_claim', 'owner iu_owner; event_id bigint, xid xid8, event_domain text, event_type text, created_at timestamp with time zone, worker_code text, is_passed boolean'),
    ('function', 'fn_iu_event_pending(integer)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_reader'),
    ('function', 'fn_iu_newest_xid(xid8)', 'owner iu_owner; security invoker; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('view', 'v_iu_route_decision', 'owner iu_owner; event_id bigint, route_id integer, target_kind text, target_ref text, failure_code text, decision text, failure_detail text'),
    ('function', 'fn_iu_route_attempt_one(text,bigint,integer,integer)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_route_dead_letter_replay(bigint)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_worker'),
    ('function', 'fn_iu_route_deliver(bigint,integer)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_route_page(iu_route_worker_cursor,xid8,integer)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp, plan_cache_mode=force_generic_plan'),
    ('function', 'fn_iu_route_rollup_add(text,integer[],text[])', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_route_worker_health(text)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_reader, EXECUTE iu_worker'),
    ('function', 'fn_iu_route_worker_run(text,integer)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_worker'),
    ('function', 'fn_iu_routes_forget(text[])', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_routes_register(jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_snapshot_fenced(pg_snapshot,xid8,xid8)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('view', 'v_iu_accounting', 'owner iu_owner; SELECT iu_reader; events bigint, attempted bigint, held bigint, released bigint, discarded bigint, not_yet_routed bigint, unexplained bigint'),
    ('view', 'v_iu_event_backlog', 'owner iu_owner; SELECT iu_reader; worker_code text, event_domain text, event_type text, pending integer, oldest_at timestamp with time zone'),
    ('view', 'v_iu_composer_event_backlog', 'owner iu_owner; SELECT iu_reader; worker_code text, event_type text, pending integer, oldest_at timestamp with time zone'),
    ('view', 'v_iu_outbound_route', 'owner iu_owner; SELECT iu_reader; route_id integer, route_code text, event_type text, event_domain text, target_kind text, target_ref text, enabled boolean, dry_run boolean, definition_digest text'),
    ('view', 'v_iu_route_attempt', 'owner iu_owner; SELECT iu_reader; event_id bigint, route_id integer, route_code text, attempt_no integer, status text, failure_code text, failure_detail text, idempotency_key text, event_domain text, event_type text, event_subject_table text, event_subject_ref text, target_kind text, target_ref text, worker_code text, created_at timestamp with time zone'),
    ('view', 'v_iu_route_attempt_hourly', 'owner iu_owner; SELECT iu_reader; hour timestamp with time zone, route_id integer, route_code text, status text, attempts bigint'),
    ('view', 'v_iu_route_attempt_summary', 'owner iu_owner; SELECT iu_reader; route_id integer, route_code text, event_type text, target_kind text, target_ref text, enabled boolean, dry_run boolean, status text, attempts bigint, last_attempt_at timestamp with time zone'),
    ('view', 'v_iu_route_dead_letter_open', 'owner iu_owner; SELECT iu_reader; dead_letter_id bigint, event_id bigint, route_id integer, route_code text, attempt_no integer, failure_code text, failure_detail text, event_domain text, event_type text, event_subject_table text, event_subject_ref text, payload jsonb, actor text, event_created_at timestamp with time zone, created_at timestamp with time zone'),
    ('view', 'v_iu_route_worker_health', 'owner iu_owner; SELECT iu_reader; worker_code text, healthy boolean, reasons text[], worker_gate_open boolean, master_gate_open boolean, delivery_mode text, blocked_by text, backlog integer, oldest_unrouted_at timestamp with time zone, held_back_since timestamp with time zone, open_dead_letters integer, last_pass_at timestamp with time zone, last_pass_seen integer'),
    ('trigger', 'trg_iu_route_attempt_append_only on iu_route_attempt', 'executes fn_iu_append_only()')
  ) AS e(class, identity, facts)
  LEFT JOIN iu_core.fn_dot_catalogue() AS c ON c.class = e.class AND c.identity = e.identity
  WHERE c.facts IS DISTINCT FROM e.facts;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'not as deployed: %', v_wrong;
  END IF;
END
$verify$;
