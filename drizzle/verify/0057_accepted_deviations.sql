-- Structure and rights, denials included: the facts name every grantee there is.
DO $verify$
DECLARE
  v_wrong text;
BEGIN
  SELECT string_agg(format('%s %s: want "%s", have "%s"', e.class, e.identity, coalesce(e.facts, 'nothing'), coalesce(c.facts, 'nothing')), chr(10)) INTO v_wrong
  FROM (VALUES
    ('table', 'dot_deviation_decision', 'owner iu_owner; id bigint, class text, identity text, digest text, owner text, expires_at timestamp with time zone, reason text, decided_by text, decided_at timestamp with time zone'),
    ('function', 'fn_dot_accepted()', 'owner iu_owner; security invoker; stable; search_path=pg_catalog, iu_core, pg_temp, TimeZone=UTC'),
    ('function', 'fn_dot_checks(jsonb,jsonb)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_deviation_digest(jsonb)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_compare(text[])', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp, lock_timeout=500ms, plan_cache_mode=force_generic_plan, quote_all_identifiers=off, standard_conforming_strings=on, bytea_output=hex, DateStyle=ISO, YMD, IntervalStyle=postgres, TimeZone=UTC, extra_float_digits=1, plpgsql.extra_errors=none; EXECUTE iu_reader'),
    ('function', 'fn_dot_deviation_facts(text,text)', 'owner iu_owner; security invoker; stable; search_path=pg_catalog, iu_core, pg_temp, TimeZone=UTC'),
    ('function', 'fn_dot_deviation_decide(dot_deviation_decision,jsonb)', 'owner iu_owner; security invoker; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_accept_deviation(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp, TimeZone=UTC'),
    ('function', 'dot_iu_withdraw_acceptance(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_check(jsonb)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_drift_served(jsonb)', 'owner iu_owner; security invoker; stable; search_path=pg_catalog, iu_core, pg_temp, standard_conforming_strings=on'),
    ('function', 'fn_dot_stamp()', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp, plan_cache_mode=force_generic_plan'),
    ('function', 'fn_dot_works_in_drift(text)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_drift()', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_reader'),
    ('view', 'v_dot_comparison', 'owner iu_owner; SELECT iu_reader; checked_at timestamp with time zone, state text, digest text, expected integer, matching integer, drift integer, unknown integer, why text, checks jsonb, objects jsonb, summary text, accepted jsonb'),
    ('function', 'fn_iu_sync_layers()', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_reader'),
    ('view', 'v_dot_accepted', 'owner iu_owner; SELECT iu_reader; class text, identity text, state text, digest text, owner text, reason text, accepted_by text, accepted_at timestamp with time zone, expires_at timestamp with time zone, expected text, live text, statement text'),
    ('view', 'v_dot_conformance', 'owner iu_owner; SELECT iu_reader; check_code text, class text, expected integer, present integer, missing integer, unexpected integer, changed integer, unknown integer, ok boolean, matching integer, accepted integer'),
    ('view', 'v_dot_drift', 'owner iu_owner; SELECT iu_reader; class text, identity text, state text, expected text, live text, statement text, suggested_action text, digest text'),
    ('trigger', 'trg_dot_deviation_decision_append_only on dot_deviation_decision', 'executes fn_iu_append_only()')
  ) AS e(class, identity, facts)
  LEFT JOIN iu_core.fn_dot_catalogue('{function,table,trigger,view}') AS c ON c.class = e.class AND c.identity = e.identity
  WHERE c.facts IS DISTINCT FROM e.facts;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'not as deployed: %', v_wrong;
  END IF;
END
$verify$;
