-- Structure and rights, denials included: the facts name every grantee there is.
DO $verify$
DECLARE
  v_wrong text;
BEGIN
  SELECT string_agg(format('%s %s: want "%s", have "%s"', e.class, e.identity, coalesce(e.facts, 'nothing'), coalesce(c.facts, 'nothing')), chr(10)) INTO v_wrong
  FROM (VALUES
    ('function', 'fn_dot_catalogue(text[])', 'owner iu_owner; security invoker; stable; search_path=pg_catalog, iu_core, pg_temp, quote_all_identifiers=off, standard_conforming_strings=on, bytea_output=hex, DateStyle=ISO, YMD, IntervalStyle=postgres, TimeZone=UTC, extra_float_digits=1, plan_cache_mode=force_generic_plan'),
    ('function', 'fn_dot_principals()', 'owner iu_owner; security invoker; stable; search_path=pg_catalog, iu_core, pg_temp, quote_all_identifiers=off, standard_conforming_strings=on, bytea_output=hex, DateStyle=ISO, YMD, IntervalStyle=postgres, TimeZone=UTC, extra_float_digits=1'),
    ('function', 'fn_iu_payload_problems(jsonb,jsonb,text)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_stamp()', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp, plan_cache_mode=force_generic_plan'),
    ('function', 'fn_dot_history_verify()', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_reader'),
    ('function', 'fn_iu_pattern_problem(text)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp, standard_conforming_strings=on'),
    ('function', 'fn_iu_import_unchanged(text[],text[],text)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_approver, EXECUTE iu_console, EXECUTE iu_operator')
  ) AS e(class, identity, facts)
  LEFT JOIN iu_core.fn_dot_catalogue('{function}') AS c ON c.class = e.class AND c.identity = e.identity
  WHERE c.facts IS DISTINCT FROM e.facts;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'not as deployed: %', v_wrong;
  END IF;
END
$verify$;
