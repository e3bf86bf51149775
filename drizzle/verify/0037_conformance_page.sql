-- Structure and rights, denials included: the facts name every grantee there is.
DO $verify$
DECLARE
  v_wrong text;
BEGIN
  SELECT string_agg(format('%s %s: want "%s", have "%s"', e.class, e.identity, coalesce(e.facts, 'nothing'), coalesce(c.facts, 'nothing')), chr(10)) INTO v_wrong
  FROM (VALUES
    ('function', 'fn_dot_checks(jsonb,jsonb)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_repair(text,text,text,text,text,text)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_compare()', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp, lock_timeout=500ms; EXECUTE iu_reader'),
    ('function', 'fn_dot_drift()', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_reader'),
    ('function', 'fn_dot_drift_served(jsonb)', 'owner iu_owner; security invoker; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_contract()', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_reader'),
    ('view', 'v_dot_comparison', 'owner iu_owner; SELECT iu_reader; checked_at timestamp with time zone, state text, digest text, expected integer, matching integer, drift integer, unknown integer, why text, checks jsonb, objects jsonb'),
    ('function', 'fn_iu_sync_layers()', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_reader'),
    ('view', 'v_dot_conformance', 'owner iu_owner; SELECT iu_reader; check_code text, class text, expected integer, present integer, missing integer, unexpected integer, changed integer, unknown integer, ok boolean'),
    ('view', 'v_iu_console_process', 'owner iu_owner; SELECT iu_reader; process_id uuid, host text, pid integer, contract_unit text, contract_digest text, started_at timestamp with time zone, last_seen_at timestamp with time zone, is_stale boolean, is_in_step boolean')
  ) AS e(class, identity, facts)
  LEFT JOIN iu_core.fn_dot_catalogue() AS c ON c.class = e.class AND c.identity = e.identity
  WHERE c.facts IS DISTINCT FROM e.facts;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'not as deployed: %', v_wrong;
  END IF;
END
$verify$;
