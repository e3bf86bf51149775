-- Structure and rights, denials included: the facts name every grantee there is.
DO $verify$
DECLARE
  v_wrong text;
BEGIN
  SELECT string_agg(format('%s %s: want "%s", have "%s"', e.class, e.identity, coalesce(e.facts, 'nothing'), coalesce(c.facts, 'nothing')), chr(10)) INTO v_wrong
  FROM (VALUES
    ('table', 'iu_worker_process', 'owner iu_owner; process_id uuid, kind text, worker_code text, host text, pid integer, status text, events_seen bigint, run_by text, started_at timestamp with time zone, last_seen_at timestamp with time zone, fault text'),
    ('function', 'fn_iu_worker_beat(uuid,text,text,text,integer,text,bigint,text)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_worker'),
    ('view', 'v_iu_worker_process', 'owner iu_owner; SELECT iu_reader; process_id uuid, kind text, worker_code text, host text, pid integer, status text, events_seen bigint, run_by text, started_at timestamp with time zone, last_seen_at timestamp with time zone, is_stale boolean, fault text'),
    ('function', 'fn_iu_worker_beat(uuid,text,text,text,integer,text,bigint)', NULL)
  ) AS e(class, identity, facts)
  LEFT JOIN iu_core.fn_dot_catalogue('{function,table,view}') AS c ON c.class = e.class AND c.identity = e.identity
  WHERE c.facts IS DISTINCT FROM e.facts;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'not as deployed: %', v_wrong;
  END IF;
END
$verify$;
