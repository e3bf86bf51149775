-- Structure and rights, denials included: the facts name every grantee there is.
DO $verify$
DECLARE
  v_wrong text;
BEGIN
  SELECT string_agg(format('%s %s: want "%s", have "%s"', e.class, e.identity, coalesce(e.facts, 'nothing'), coalesce(c.facts, 'nothing')), chr(10)) INTO v_wrong
  FROM (VALUES
    ('function', 'fn_iu_schema_keys(jsonb)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('table', 'iu_event_type', 'owner iu_owner; event_type text, event_domain text, delivery_lane text, payload_schema jsonb, payload_predicate jsonpath, is_system boolean, description text, registered_at timestamp with time zone, registered_by text, payload_keys text[]'),
    ('function', 'fn_iu_failure_kind(text)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_reader'),
    ('function', 'fn_iu_payload_meets(jsonb,jsonpath,text[])', 'owner iu_owner; security invoker; immutable'),
    ('function', 'fn_iu_payload_problems(jsonb,jsonb,text)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_correct_dead_letter(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_register_event_type(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('view', 'v_iu_route_rule', 'owner iu_owner; event_type text, route_id integer, target_kind text, target_ref text, payload_predicate jsonpath, payload_schema jsonb, skip_code text, decision text, payload_keys text[]'),
    ('view', 'v_iu_route_decision', 'owner iu_owner; event_id bigint, route_id integer, target_kind text, target_ref text, failure_code text, decision text, failure_detail text'),
    ('function', 'fn_iu_route_page(iu_route_worker_cursor,xid8,integer,boolean)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp, plan_cache_mode=force_generic_plan'),
    ('function', 'fn_iu_schema_predicate(jsonb,boolean,text,integer)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_schema_compile(jsonb)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp')
  ) AS e(class, identity, facts)
  LEFT JOIN iu_core.fn_dot_catalogue() AS c ON c.class = e.class AND c.identity = e.identity
  WHERE c.facts IS DISTINCT FROM e.facts;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'not as deployed: %', v_wrong;
  END IF;
END
$verify$;
