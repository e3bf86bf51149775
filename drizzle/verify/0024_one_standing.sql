-- Structure and rights, denials included: the facts name every grantee there is.
DO $verify$
DECLARE
  v_wrong text;
BEGIN
  SELECT string_agg(format('%s %s: want "%s", have "%s"', e.class, e.identity, coalesce(e.facts, 'nothing'), coalesce(c.facts, 'nothing')), chr(10)) INTO v_wrong
  FROM (VALUES
    ('view', 'v_iu_event_claim', 'owner iu_owner; event_id bigint, xid xid8, event_domain text, event_type text, created_at timestamp with time zone, worker_code text, is_passed boolean, released_from bigint'),
    ('function', 'fn_iu_probe_scenario(text)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_event_judged(bigint[],bigint,bigint)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp, plan_cache_mode=force_generic_plan, enable_sort=off'),
    ('function', 'fn_iu_event_standing(integer)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp, plan_cache_mode=force_generic_plan; EXECUTE iu_reader'),
    ('view', 'v_iu_event_backlog', 'owner iu_owner; SELECT iu_reader; worker_code text, event_domain text, event_type text, pending integer, oldest_at timestamp with time zone, is_exact boolean'),
    ('function', 'fn_iu_event_account(integer)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_reader'),
    ('function', 'fn_iu_route_workers_health(text)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp, plan_cache_mode=force_generic_plan; EXECUTE iu_reader'),
    ('function', 'fn_iu_route_worker_health(text)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_reader, EXECUTE iu_worker'),
    ('view', 'v_iu_route_worker_health', 'owner iu_owner; SELECT iu_reader; worker_code text, healthy boolean, reasons text[], worker_gate_open boolean, master_gate_open boolean, delivery_mode text, blocked_by text, backlog integer, oldest_unrouted_at timestamp with time zone, held_back_since timestamp with time zone, open_dead_letters integer, last_pass_at timestamp with time zone, last_pass_seen integer, locked_since timestamp with time zone, oldest_snapshot_at timestamp with time zone, accounting jsonb, backlog_is_exact boolean'),
    ('function', 'fn_iu_works()', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_reader')
  ) AS e(class, identity, facts)
  LEFT JOIN iu_core.fn_dot_catalogue() AS c ON c.class = e.class AND c.identity = e.identity
  WHERE c.facts IS DISTINCT FROM e.facts;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'not as deployed: %', v_wrong;
  END IF;
END
$verify$;
