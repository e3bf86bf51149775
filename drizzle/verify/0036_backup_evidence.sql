-- Structure and rights, denials included: the facts name every grantee there is.
DO $verify$
DECLARE
  v_wrong text;
BEGIN
  SELECT string_agg(format('%s %s: want "%s", have "%s"', e.class, e.identity, coalesce(e.facts, 'nothing'), coalesce(c.facts, 'nothing')), chr(10)) INTO v_wrong
  FROM (VALUES
    ('table', 'iu_backup_evidence', 'owner iu_owner; id bigint, file_name text, folder text, host text, kind text, unit_tag text, server_version text, file_bytes bigint, file_digest bytea, entries bigint, row_count bigint, taken_at timestamp with time zone, last_event bigint, last_run bigint, checks jsonb, restorable boolean, checked_at timestamp with time zone, checked_by text'),
    ('function', 'fn_dot_backup_record(jsonb,jsonb)', 'owner iu_owner; security invoker; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('view', 'v_iu_backup_evidence', 'owner iu_owner; SELECT iu_reader; backup_id bigint, file_name text, folder text, host text, kind text, unit_tag text, server_version text, file_bytes bigint, file_digest text, entries bigint, row_count bigint, taken_at timestamp with time zone, last_event bigint, last_run bigint, checks jsonb, restorable boolean, checked_at timestamp with time zone, checked_by text, written_since boolean, is_fresh boolean'),
    ('trigger', 'trg_iu_backup_evidence_append_only on iu_backup_evidence', 'executes fn_iu_append_only()')
  ) AS e(class, identity, facts)
  LEFT JOIN iu_core.fn_dot_catalogue() AS c ON c.class = e.class AND c.identity = e.identity
  WHERE c.facts IS DISTINCT FROM e.facts;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'not as deployed: %', v_wrong;
  END IF;
END
$verify$;
