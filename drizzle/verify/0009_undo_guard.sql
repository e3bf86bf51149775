-- Structure and rights, denials included: the facts name every grantee there is.
DO $verify$
DECLARE
  v_wrong text;
BEGIN
  SELECT string_agg(format('%s %s: want "%s", have "%s"', e.class, e.identity, coalesce(e.facts, 'nothing'), coalesce(c.facts, 'nothing')), chr(10)) INTO v_wrong
  FROM (VALUES
    ('function', 'dot_iu_close_gate(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_triggers_switched(boolean)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_letter_object(iu_route_dead_letter)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_issue_token(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_open_gate(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_refresh_metadata_axes(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_register_route(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_render_collection(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_replay_dead_letter(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_revise_piece(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_set_password(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_object_fields(jsonb)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_run_overtaken(dot_iu_command_run)', 'owner iu_owner; security invoker; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_command_run(text,text,jsonb,text,text,bigint,text,text,text)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp, TimeZone=UTC; EXECUTE iu_approver, EXECUTE iu_console, EXECUTE iu_operator'),
    ('function', 'fn_dot_gate_would_release(text)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_params_kept(dot_iu_command,jsonb)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_refusal_code(text)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp')
  ) AS e(class, identity, facts)
  LEFT JOIN iu_core.fn_dot_catalogue() AS c ON c.class = e.class AND c.identity = e.identity
  WHERE c.facts IS DISTINCT FROM e.facts;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'not as deployed: %', v_wrong;
  END IF;
END
$verify$;
