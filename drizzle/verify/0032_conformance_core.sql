-- Structure and rights, denials included: the facts name every grantee there is.
DO $verify$
DECLARE
  v_wrong text;
BEGIN
  SELECT string_agg(format('%s %s: want "%s", have "%s"', e.class, e.identity, coalesce(e.facts, 'nothing'), coalesce(c.facts, 'nothing')), chr(10)) INTO v_wrong
  FROM (VALUES
    ('table', 'dot_inventory', 'owner iu_owner; class text, identity text, definition text, facts text, digest bytea, switched jsonb, switched_after_run bigint, server_major integer, registered_by_unit text, registered_at timestamp with time zone, registered_by text'),
    ('function', 'fn_dot_catalogue()', 'owner iu_owner; security invoker; stable; search_path=pg_catalog, iu_core, pg_temp, quote_all_identifiers=off, standard_conforming_strings=on, bytea_output=hex, DateStyle=ISO, YMD, IntervalStyle=postgres, TimeZone=UTC, extra_float_digits=1'),
    ('function', 'fn_dot_state()', 'owner iu_owner; security invoker; stable; search_path=pg_catalog, iu_core, pg_temp, TimeZone=UTC'),
    ('function', 'fn_dot_inventory_register(text,jsonb,text,text)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_register_event_type(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_register_route(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_repair(text,text,text,text,text,text)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_state_expected()', 'owner iu_owner; security invoker; stable; search_path=pg_catalog, iu_core, pg_temp, TimeZone=UTC'),
    ('function', 'fn_dot_drift()', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp, lock_timeout=500ms; EXECUTE iu_reader'),
    ('function', 'fn_dot_fingerprints()', 'owner iu_owner; security invoker; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_inventory_renew(jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('view', 'v_dot_conformance', 'owner iu_owner; SELECT iu_reader; check_code text, class text, expected integer, present integer, missing integer, unexpected integer, changed integer, unknown integer, ok boolean'),
    ('view', 'v_dot_drift', 'owner iu_owner; SELECT iu_reader; class text, identity text, state text, expected text, live text, statement text, suggested_action text')
  ) AS e(class, identity, facts)
  LEFT JOIN iu_core.fn_dot_catalogue() AS c ON c.class = e.class AND c.identity = e.identity
  WHERE c.facts IS DISTINCT FROM e.facts;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'not as deployed: %', v_wrong;
  END IF;
END
$verify$;
