-- Structure and rights, denials included: the facts name every grantee there is.
DO $verify$
DECLARE
  v_wrong text;
BEGIN
  SELECT string_agg(format('%s %s: want "%s", have "%s"', e.class, e.identity, coalesce(e.facts, 'nothing'), coalesce(c.facts, 'nothing')), chr(10)) INTO v_wrong
  FROM (VALUES
    ('table', 'iu_event_type', 'owner iu_owner; event_type text, event_domain text, delivery_lane text, payload_schema jsonb, payload_predicate jsonpath, is_system boolean, description text, registered_at timestamp with time zone, registered_by text, payload_keys text[], payload_fault text'),
    ('table', 'iu_route_attempt', 'owner iu_owner; event_id bigint, route_id integer, attempt_no integer, status text, failure_code text, failure_detail text, target_kind text, target_ref text, worker_code text, created_at timestamp with time zone'),
    ('function', 'fn_iu_json_unbounded(jsonb,integer)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_reader'),
    ('function', 'fn_iu_emit_event(text,text,text,jsonb,text)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_emitter'),
    ('function', 'fn_iu_payload_problems(jsonb,jsonb,text)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('view', 'v_iu_event_archivable', 'owner iu_owner; event_id bigint, newest_at timestamp with time zone'),
    ('function', 'fn_iu_event_types_register(text,text,boolean,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('view', 'v_iu_route_rule', 'owner iu_owner; event_type text, route_id integer, target_kind text, target_ref text, payload_predicate jsonpath, payload_schema jsonb, skip_code text, decision text, payload_keys text[], payload_fault text'),
    ('function', 'fn_iu_payload_judged(jsonb,jsonb,jsonpath,text[],text)', 'owner iu_owner; security invoker; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('view', 'v_iu_route_decision', 'owner iu_owner; event_id bigint, route_id integer, target_kind text, target_ref text, failure_code text, decision text, failure_detail text'),
    ('function', 'fn_iu_route_page(iu_route_worker_cursor,xid8,integer,boolean)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp, plan_cache_mode=force_generic_plan'),
    ('function', 'fn_iu_route_batch(iu_route_worker_cursor,xid8,integer)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_command_run(text,text,jsonb,text,text,bigint,text,text,text)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp, TimeZone=UTC, quote_all_identifiers=off, standard_conforming_strings=on, bytea_output=hex, DateStyle=ISO, YMD, IntervalStyle=postgres, extra_float_digits=1, plpgsql.extra_errors=none; EXECUTE iu_approver, EXECUTE iu_console, EXECUTE iu_operator'),
    ('function', 'fn_iu_archive_forecast(timestamp with time zone)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_reader'),
    ('function', 'fn_iu_pattern_problem(text)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_schema_predicate(jsonb,boolean,text,integer)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_schema_compile(jsonb)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_event_types_recompile()', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('view', 'v_iu_event_type', 'owner iu_owner; SELECT iu_reader; event_type text, event_domain text, delivery_lane text, is_system boolean, description text, payload_schema text, payload_fault text')
  ) AS e(class, identity, facts)
  LEFT JOIN iu_core.fn_dot_catalogue('{function,table,view}') AS c ON c.class = e.class AND c.identity = e.identity
  WHERE c.facts IS DISTINCT FROM e.facts;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'not as deployed: %', v_wrong;
  END IF;
END
$verify$;
