-- Structure and rights, denials included: the facts name every grantee there is.
DO $verify$
DECLARE
  v_wrong text;
BEGIN
  SELECT string_agg(format('%s %s: want "%s", have "%s"', e.class, e.identity, coalesce(e.facts, 'nothing'), coalesce(c.facts, 'nothing')), chr(10)) INTO v_wrong
  FROM (VALUES
    ('table', 'iu_route_worker_cursor', 'owner iu_owner; worker_code text, lock_no integer, bucket_from smallint, bucket_to smallint, system_identifier bigint, snap_from pg_snapshot, floor_id bigint, snap_to pg_snapshot, floor_to_id bigint, trusted_id bigint, last_id bigint, own_xid xid8, own_last_id bigint, events_seen bigint, last_pass_at timestamp with time zone, last_pass_seen integer, reread_id bigint'),
    ('table', 'iu_worker_process', 'owner iu_owner; process_id uuid, kind text, worker_code text, host text, pid integer, status text, events_seen bigint, run_by text, started_at timestamp with time zone, last_seen_at timestamp with time zone'),
    ('table', 'iu_worker_schedule', 'owner iu_owner; schedule_code text, enabled boolean, poll_ms integer, batch_size integer, reason text, changed_by text, changed_at timestamp with time zone'),
    ('view', 'v_iu_worker_schedule', 'owner iu_owner; SELECT iu_reader; enabled boolean, poll_ms integer, batch_size integer, reason text, changed_by text, changed_at timestamp with time zone'),
    ('function', 'fn_dot_schedule_switched(boolean,integer,integer,text)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_disable_schedule(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_enable_schedule(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_cursor_object(text)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_cursor_lock(text[])', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp, lock_timeout=2s'),
    ('function', 'fn_iu_cursor_advance(text[])', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_snapshot_within(pg_snapshot,pg_snapshot)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_cursor_join(text,text)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_join_cursors(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_route_page(iu_route_worker_cursor,xid8,integer,boolean)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp, plan_cache_mode=force_generic_plan'),
    ('function', 'fn_iu_route_worker_run(text,integer)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_worker'),
    ('function', 'fn_iu_cursor_split(text,integer,text,text)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_split_cursor(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_check(jsonb)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_worker_beat(uuid,text,text,text,integer,text,bigint)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_worker'),
    ('function', 'fn_iu_worker_leave(uuid)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_worker'),
    ('function', 'fn_iu_worker_plan()', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_worker'),
    ('view', 'v_iu_route_worker_run', 'owner iu_owner; SELECT iu_reader; pass_id bigint, worker_code text, started_at timestamp with time zone, finished_at timestamp with time zone, seen integer, attempts_written integer, skipped integer, dead_lettered integer, run_by text'),
    ('view', 'v_iu_worker_cursor', 'owner iu_owner; SELECT iu_reader; worker_code text, bucket_from integer, bucket_to integer, events_seen bigint, last_pass_at timestamp with time zone, last_pass_seen integer'),
    ('view', 'v_iu_worker_process', 'owner iu_owner; SELECT iu_reader; process_id uuid, kind text, worker_code text, host text, pid integer, status text, events_seen bigint, run_by text, started_at timestamp with time zone, last_seen_at timestamp with time zone, is_stale boolean')
  ) AS e(class, identity, facts)
  LEFT JOIN iu_core.fn_dot_catalogue() AS c ON c.class = e.class AND c.identity = e.identity
  WHERE c.facts IS DISTINCT FROM e.facts;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'not as deployed: %', v_wrong;
  END IF;
END
$verify$;
