-- Structure and rights, denials included: the facts name every grantee there is.
DO $verify$
DECLARE
  v_wrong text;
BEGIN
  SELECT string_agg(format('%s %s: want "%s", have "%s"', e.class, e.identity, coalesce(e.facts, 'nothing'), coalesce(c.facts, 'nothing')), chr(10)) INTO v_wrong
  FROM (VALUES
    ('schema', 'iu_core', 'owner iu_owner; USAGE iu_approver, USAGE iu_console, USAGE iu_emitter, USAGE iu_operator, USAGE iu_reader, USAGE iu_worker'),
    ('table', 'dot_config', 'owner iu_owner; key text, value text, value_type text, description text, expires_at timestamp with time zone, reason text, changed_by text, changed_at timestamp with time zone'),
    ('table', 'iu_vocabulary', 'owner iu_owner; term_class text, term text, description text'),
    ('function', 'fn_dot_catalogue()', 'owner iu_owner; security invoker; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_append_only()', 'owner iu_owner; security invoker; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_classify(text,text[],text)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_gate_declare(jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_gate_state(text)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_reader'),
    ('function', 'fn_iu_gate_is_open(text)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_reader'),
    ('function', 'fn_iu_gate_require(text)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_gate_retract()', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_gate_set(text,boolean,text,timestamp with time zone)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_refuse_if_history(text[])', 'owner iu_owner; security invoker; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_vocabulary_forget(text)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_vocabulary_register(text,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('view', 'v_iu_gate', 'owner iu_owner; SELECT iu_reader; gate text, state text, is_open boolean, description text, reason text, changed_by text, changed_at timestamp with time zone, expires_at timestamp with time zone')
  ) AS e(class, identity, facts)
  LEFT JOIN iu_core.fn_dot_catalogue() AS c ON c.class = e.class AND c.identity = e.identity
  WHERE c.facts IS DISTINCT FROM e.facts;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'not as deployed: %', v_wrong;
  END IF;
END
$verify$;
