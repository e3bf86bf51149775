-- Structure and rights, denials included: the facts name every grantee there is.
DO $verify$
DECLARE
  v_wrong text;
BEGIN
  SELECT string_agg(format('%s %s: want "%s", have "%s"', e.class, e.identity, coalesce(e.facts, 'nothing'), coalesce(c.facts, 'nothing')), chr(10)) INTO v_wrong
  FROM (VALUES
    ('function', 'fn_dot_catalogue(text[])', 'owner iu_owner; security invoker; stable; search_path=pg_catalog, iu_core, pg_temp, quote_all_identifiers=off, standard_conforming_strings=on, bytea_output=hex, DateStyle=ISO, YMD, IntervalStyle=postgres, TimeZone=UTC, extra_float_digits=1, plan_cache_mode=force_generic_plan'),
    ('function', 'fn_dot_checks(jsonb,jsonb)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_closed_functions()', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_principals_expected()', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_principals()', 'owner iu_owner; security invoker; stable; search_path=pg_catalog, iu_core, pg_temp, quote_all_identifiers=off, standard_conforming_strings=on, bytea_output=hex, DateStyle=ISO, YMD, IntervalStyle=postgres, TimeZone=UTC, extra_float_digits=1'),
    ('function', 'fn_dot_repair(text,text,text,text,text,text)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp, standard_conforming_strings=on'),
    ('function', 'fn_dot_repairs(jsonb)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp, standard_conforming_strings=on'),
    ('function', 'fn_dot_compare(text[])', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp, lock_timeout=500ms, plan_cache_mode=force_generic_plan, quote_all_identifiers=off, standard_conforming_strings=on, bytea_output=hex, DateStyle=ISO, YMD, IntervalStyle=postgres, TimeZone=UTC, extra_float_digits=1, plpgsql.extra_errors=none; EXECUTE iu_reader'),
    ('function', 'fn_dot_drift_served(jsonb)', 'owner iu_owner; security invoker; stable; search_path=pg_catalog, iu_core, pg_temp, standard_conforming_strings=on'),
    ('function', 'fn_dot_stamp()', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp, plan_cache_mode=force_generic_plan'),
    ('function', 'fn_dot_deployer_enter(boolean)', 'owner iu_owner; security invoker; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('view', 'v_dot_comparison', 'owner iu_owner; SELECT iu_reader; checked_at timestamp with time zone, state text, digest text, expected integer, matching integer, drift integer, unknown integer, why text, checks jsonb, objects jsonb, summary text'),
    ('view', 'v_dot_conformance', 'owner iu_owner; SELECT iu_reader; check_code text, class text, expected integer, present integer, missing integer, unexpected integer, changed integer, unknown integer, ok boolean')
  ) AS e(class, identity, facts)
  LEFT JOIN iu_core.fn_dot_catalogue('{function,view}') AS c ON c.class = e.class AND c.identity = e.identity
  WHERE c.facts IS DISTINCT FROM e.facts;
  SELECT concat_ws(chr(10), v_wrong, string_agg(format('trigger %s: fires where session_replication_role says so', tgname), chr(10))) INTO v_wrong
  FROM pg_catalog.pg_trigger WHERE tgfoid IN ('iu_core.fn_iu_append_only()'::regprocedure, 'iu_core.fn_iu_append_only_but_archived()'::regprocedure) AND tgenabled NOT IN ('A', 'D');
  IF v_wrong <> '' THEN
    RAISE EXCEPTION 'not as deployed: %', v_wrong;
  END IF;
END
$verify$;
