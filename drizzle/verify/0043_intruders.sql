-- Structure and rights, denials included: the facts name every grantee there is.
DO $verify$
DECLARE
  v_wrong text;
BEGIN
  SELECT string_agg(format('%s %s: want "%s", have "%s"', e.class, e.identity, coalesce(e.facts, 'nothing'), coalesce(c.facts, 'nothing')), chr(10)) INTO v_wrong
  FROM (VALUES
    ('function', 'fn_iu_failure_kind(text)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp, standard_conforming_strings=on; EXECUTE iu_reader'),
    ('function', 'dot_iu_correct_dead_letter(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp, standard_conforming_strings=on'),
    ('function', 'dot_iu_import_text(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp, standard_conforming_strings=on'),
    ('function', 'fn_iu_archive_content(timestamp with time zone,bigint,bigint,integer,bigint)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp, TimeZone=UTC, quote_all_identifiers=off, standard_conforming_strings=on, bytea_output=hex, DateStyle=ISO, YMD, IntervalStyle=postgres, extra_float_digits=1; EXECUTE iu_approver'),
    ('function', 'fn_iu_axes_derive(bigint[])', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp, standard_conforming_strings=on'),
    ('function', 'fn_dot_state()', 'owner iu_owner; security invoker; stable; search_path=pg_catalog, iu_core, pg_temp, TimeZone=UTC, quote_all_identifiers=off'),
    ('function', 'fn_dot_word(text)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp, standard_conforming_strings=on'),
    ('function', 'fn_dot_repair(text,text,text,text,text,text)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp, standard_conforming_strings=on'),
    ('function', 'fn_dot_repairs(jsonb)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp, standard_conforming_strings=on'),
    ('function', 'fn_dot_compare(text[])', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp, lock_timeout=500ms, plan_cache_mode=force_generic_plan, quote_all_identifiers=off, standard_conforming_strings=on, bytea_output=hex, DateStyle=ISO, YMD, IntervalStyle=postgres, TimeZone=UTC, extra_float_digits=1, plpgsql.extra_errors=none; EXECUTE iu_reader'),
    ('function', 'fn_dot_drift_served(jsonb)', 'owner iu_owner; security invoker; stable; search_path=pg_catalog, iu_core, pg_temp, standard_conforming_strings=on'),
    ('function', 'fn_dot_run_overtaken(dot_iu_command_run)', 'owner iu_owner; security invoker; stable; search_path=pg_catalog, iu_core, pg_temp, gin_fuzzy_search_limit=0'),
    ('function', 'fn_dot_command_run(text,text,jsonb,text,text,bigint,text,text,text)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp, TimeZone=UTC, quote_all_identifiers=off, standard_conforming_strings=on, bytea_output=hex, DateStyle=ISO, YMD, IntervalStyle=postgres, extra_float_digits=1, plpgsql.extra_errors=none; EXECUTE iu_approver, EXECUTE iu_console, EXECUTE iu_operator')
  ) AS e(class, identity, facts)
  LEFT JOIN iu_core.fn_dot_catalogue('{function}') AS c ON c.class = e.class AND c.identity = e.identity
  WHERE c.facts IS DISTINCT FROM e.facts;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'not as deployed: %', v_wrong;
  END IF;
END
$verify$;
