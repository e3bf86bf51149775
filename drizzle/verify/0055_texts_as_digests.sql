-- Structure and rights, denials included: the facts name every grantee there is.
DO $verify$
DECLARE
  v_wrong text;
BEGIN
  SELECT string_agg(format('%s %s: want "%s", have "%s"', e.class, e.identity, coalesce(e.facts, 'nothing'), coalesce(c.facts, 'nothing')), chr(10)) INTO v_wrong
  FROM (VALUES
    ('table', 'dot_iu_command_run', 'owner iu_owner; id bigint, command_code text, mode text, status text, code text, actor text, actor_kind text, reason text, params jsonb, param_digest bytea, state_digest bytea, plan_digest bytea, plan_run_id bigint, target_run_id bigint, idempotency_key text, object_refs text[], event_count integer, event_from bigint, event_to bigint, xid xid8, frozen jsonb, receipt jsonb, started_at timestamp with time zone, finished_at timestamp with time zone, head_no bigint, head_digest bytea, outcome text'),
    ('table', 'dot_iu_run_text', 'owner iu_owner; run_id bigint, params jsonb'),
    ('function', 'dot_iu_issue_token(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_routes_register(jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_target_told(text,text)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_reader'),
    ('view', 'v_iu_route_rule', 'owner iu_owner; event_type text, route_id integer, target_kind text, target_ref text, payload_predicate jsonpath, payload_schema jsonb, skip_code text, decision text, payload_keys text[], payload_fault text'),
    ('function', 'dot_iu_revoke_token(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_command_run(text,text,jsonb,text,text,bigint,text,text,text)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp, TimeZone=UTC, quote_all_identifiers=off, standard_conforming_strings=on, bytea_output=hex, DateStyle=ISO, YMD, IntervalStyle=postgres, extra_float_digits=1, plpgsql.extra_errors=none; EXECUTE iu_approver, EXECUTE iu_console, EXECUTE iu_operator'),
    ('function', 'fn_dot_text_kept(jsonb)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_facts_kept(jsonb)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_params_kept(dot_iu_command,jsonb)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_receipt_kept(jsonb,jsonb)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_texts_left_out(jsonb,jsonb,jsonb)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_run_write(dot_iu_command_run,jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('view', 'v_iu_outbound_route', 'owner iu_owner; SELECT iu_reader; route_id integer, route_code text, event_type text, event_domain text, target_kind text, target_ref text, enabled boolean, dry_run boolean, definition_digest text'),
    ('view', 'v_iu_route_attempt_summary', 'owner iu_owner; SELECT iu_reader; route_id integer, route_code text, event_type text, target_kind text, target_ref text, enabled boolean, dry_run boolean, status text, attempts bigint, last_attempt_at timestamp with time zone')
  ) AS e(class, identity, facts)
  LEFT JOIN iu_core.fn_dot_catalogue('{function,table,view}') AS c ON c.class = e.class AND c.identity = e.identity
  WHERE c.facts IS DISTINCT FROM e.facts;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'not as deployed: %', v_wrong;
  END IF;
END
$verify$;
