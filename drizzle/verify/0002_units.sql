-- Structure and rights, denials included: the facts name every grantee there is.
DO $verify$
DECLARE
  v_wrong text;
BEGIN
  SELECT string_agg(format('%s %s: want "%s", have "%s"', e.class, e.identity, coalesce(e.facts, 'nothing'), coalesce(c.facts, 'nothing')), chr(10)) INTO v_wrong
  FROM (VALUES
    ('function', 'fn_iu_is_address(text)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('table', 'information_unit', 'owner iu_owner; id bigint, canonical_address text, unit_kind text, lifecycle_status text, current_version_seq integer, title text, source_path text, created_at timestamp with time zone, created_by text'),
    ('table', 'unit_version', 'owner iu_owner; unit_id bigint, version_seq integer, body text, content_digest bytea, byte_length integer, created_at timestamp with time zone, created_by text'),
    ('table', 'iu_tree_path', 'owner iu_owner; unit_id bigint, parent_unit_id bigint, section_level smallint'),
    ('function', 'fn_iu_create_batch(text[],text[],text[],text[],text)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_create(text,text,text,text,text)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('trigger', 'trg_unit_version_append_only on unit_version', 'executes fn_iu_append_only()')
  ) AS e(class, identity, facts)
  LEFT JOIN iu_core.fn_dot_catalogue() AS c ON c.class = e.class AND c.identity = e.identity
  WHERE c.facts IS DISTINCT FROM e.facts;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'not as deployed: %', v_wrong;
  END IF;
END
$verify$;
