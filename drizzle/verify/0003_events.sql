-- Structure and rights, denials included: the facts name every grantee there is.
DO $verify$
DECLARE
  v_wrong text;
BEGIN
  SELECT string_agg(format('%s %s: want "%s", have "%s"', e.class, e.identity, coalesce(e.facts, 'nothing'), coalesce(c.facts, 'nothing')), chr(10)) INTO v_wrong
  FROM (VALUES
    ('table', 'iu_event_type', 'owner iu_owner; event_type text, event_domain text, delivery_lane text, payload_schema jsonb, payload_predicate jsonpath, is_system boolean, description text, registered_at timestamp with time zone, registered_by text'),
    ('table', 'event_outbox', 'owner iu_owner; xid xid8, id bigint, event_domain text, event_type text, event_subject_table text, event_subject_ref text, payload jsonb, delivery_lane text, idempotency_key text, bucket smallint, actor text, created_at timestamp with time zone, released_from bigint'),
    ('table', 'iu_held_decision', 'owner iu_owner; event_id bigint, decision text, reason text, decided_at timestamp with time zone, decided_by text'),
    ('function', 'fn_iu_emit_event(text,text,text,jsonb,text)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_emitter'),
    ('function', 'fn_iu_event_types_forget(text[])', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_event_types_register(text,text,boolean,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_out_lifecycle()', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_out_unit()', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_out_version()', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_outbox_append(text,text,text[],jsonb[],text)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_payload_problems(jsonb,jsonb,text)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_schema_predicate(jsonb,text,integer)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('trigger', 'trg_event_outbox_append_only on event_outbox', 'executes fn_iu_append_only()'),
    ('trigger', 'trg_iu_out_lifecycle on information_unit', 'executes fn_iu_out_lifecycle()'),
    ('trigger', 'trg_iu_out_unit on information_unit', 'executes fn_iu_out_unit()'),
    ('trigger', 'trg_iu_out_version on unit_version', 'executes fn_iu_out_version()')
  ) AS e(class, identity, facts)
  LEFT JOIN iu_core.fn_dot_catalogue() AS c ON c.class = e.class AND c.identity = e.identity
  WHERE c.facts IS DISTINCT FROM e.facts;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'not as deployed: %', v_wrong;
  END IF;
END
$verify$;
