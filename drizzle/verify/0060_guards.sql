-- Structure and rights, denials included: the facts name every grantee there is.
DO $verify$
DECLARE
  v_wrong text;
BEGIN
  SELECT string_agg(format('%s %s: want "%s", have "%s"', e.class, e.identity, coalesce(e.facts, 'nothing'), coalesce(c.facts, 'nothing')), chr(10)) INTO v_wrong
  FROM (VALUES
    ('function', 'fn_dot_accepted()', 'owner iu_owner; security invoker; stable; search_path=pg_catalog, iu_core, pg_temp, TimeZone=UTC'),
    ('function', 'fn_dot_principals()', 'owner iu_owner; security invoker; stable; search_path=pg_catalog, iu_core, pg_temp, quote_all_identifiers=off, standard_conforming_strings=on, bytea_output=hex, DateStyle=ISO, YMD, IntervalStyle=postgres, TimeZone=UTC, extra_float_digits=1'),
    ('function', 'dot_iu_accept_deviation(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp, TimeZone=UTC'),
    ('function', 'fn_iu_column(text,integer)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp, standard_conforming_strings=on'),
    ('function', 'fn_iu_block_end(text,text)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp, standard_conforming_strings=on'),
    ('function', 'fn_iu_separator(text,text,text,text[],text,text)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp, standard_conforming_strings=on'),
    ('function', 'fn_iu_payload_judged(jsonb,jsonb,jsonpath,text[],text)', 'owner iu_owner; security invoker; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_command_run(text,text,jsonb,text,text,bigint,text,text,text)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp, TimeZone=UTC, quote_all_identifiers=off, standard_conforming_strings=on, bytea_output=hex, DateStyle=ISO, YMD, IntervalStyle=postgres, extra_float_digits=1, plpgsql.extra_errors=none; EXECUTE iu_approver, EXECUTE iu_console, EXECUTE iu_operator'),
    ('function', 'fn_dot_texts_left_out(jsonb,jsonb,jsonb)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_run_write(dot_iu_command_run,jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp')
  ) AS e(class, identity, facts)
  LEFT JOIN iu_core.fn_dot_catalogue('{function}') AS c ON c.class = e.class AND c.identity = e.identity
  WHERE c.facts IS DISTINCT FROM e.facts;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'not as deployed: %', v_wrong;
  END IF;
END
$verify$;
