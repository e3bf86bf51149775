-- Structure and rights, denials included: the facts name every grantee there is.
DO $verify$
DECLARE
  v_wrong text;
BEGIN
  SELECT string_agg(format('%s %s: want "%s", have "%s"', e.class, e.identity, coalesce(e.facts, 'nothing'), coalesce(c.facts, 'nothing')), chr(10)) INTO v_wrong
  FROM (VALUES
    ('table', 'dot_drift_known', 'owner iu_owner; stamp text, refused jsonb, found_at timestamp with time zone'),
    ('table', 'iu_replay_job', 'owner iu_owner; id bigint, what text, filter jsonb, total integer, per_second integer, status text, done integer, replayed integer, failed_again integer, left_alone integer, next_at timestamp with time zone, started_at timestamp with time zone, started_by text, stopped_at timestamp with time zone, stopped_by text, last_batch_at timestamp with time zone, finished_at timestamp with time zone'),
    ('table', 'iu_route_worker_cursor', 'owner iu_owner; worker_code text, lock_no integer, bucket_from smallint, bucket_to smallint, system_identifier bigint, snap_from pg_snapshot, floor_id bigint, snap_to pg_snapshot, floor_to_id bigint, trusted_id bigint, last_id bigint, own_xid xid8, own_last_id bigint, events_seen bigint, last_pass_at timestamp with time zone, last_pass_seen integer, reread_id bigint'),
    ('function', 'fn_dot_drift_served(jsonb)', 'owner iu_owner; security invoker; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_stamp()', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_drift_refused(boolean)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_works_in_drift(text)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_command_blocked(text)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_reader'),
    ('function', 'fn_dot_command_run(text,text,jsonb,text,text,bigint,text,text,text)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp, TimeZone=UTC; EXECUTE iu_approver, EXECUTE iu_console, EXECUTE iu_operator'),
    ('function', 'fn_dot_inventory_renew(jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_refusal_code(text)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp')
  ) AS e(class, identity, facts)
  LEFT JOIN iu_core.fn_dot_catalogue() AS c ON c.class = e.class AND c.identity = e.identity
  WHERE c.facts IS DISTINCT FROM e.facts;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'not as deployed: %', v_wrong;
  END IF;
END
$verify$;
