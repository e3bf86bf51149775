-- Structure and rights, denials included: the facts name every grantee there is.
DO $verify$
DECLARE
  v_wrong text;
BEGIN
  SELECT string_agg(format('%s %s: want "%s", have "%s"', e.class, e.identity, coalesce(e.facts, 'nothing'), coalesce(c.facts, 'nothing')), chr(10)) INTO v_wrong
  FROM (VALUES
    ('table', 'iu_replay_job', 'owner iu_owner; id bigint, what text, filter jsonb, total integer, per_second integer, status text, done integer, replayed integer, failed_again integer, left_alone integer, next_at timestamp with time zone, started_at timestamp with time zone, started_by text, stopped_at timestamp with time zone, stopped_by text, last_batch_at timestamp with time zone, finished_at timestamp with time zone'),
    ('table', 'iu_replay_batch', 'owner iu_owner; job_id bigint, batch_no integer, event_ids bigint[], route_ids integer[]'),
    ('table', 'iu_route_attempt', 'owner iu_owner; event_id bigint, route_id integer, attempt_no integer, status text, failure_code text, failure_detail text, target_kind text, target_ref text, worker_code text, created_at timestamp with time zone'),
    ('function', 'fn_iu_failure_kind(text)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_reader'),
    ('function', 'fn_iu_dead_letter_cause(text,integer,text,text)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('table', 'iu_route_dead_letter', 'owner iu_owner; id bigint, event_id bigint, route_id integer, attempt_no integer, failure_code text, failure_detail text, event_domain text, event_type text, event_subject_table text, event_subject_ref text, payload jsonb, actor text, event_created_at timestamp with time zone, status text, created_at timestamp with time zone, resolved_at timestamp with time zone, resolved_by text, resolved_attempt_no integer, corrected_by_event_id bigint, replay_job_id bigint, cause text'),
    ('function', 'dot_iu_correct_dead_letter(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_frozen(bigint[])', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_instant(jsonb,text)', 'owner iu_owner; security invoker; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_thawed(jsonb)', 'owner iu_owner; security invoker; immutable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_letters(jsonb,jsonb,integer,boolean)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_discard_dead_letters(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_held(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_discard_held_events(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_open_gate(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_release_held_events(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_replay(bigint[],integer[],bigint)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_route_dead_letter_replay(bigint)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_worker'),
    ('function', 'dot_iu_replay_dead_letter(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_replayed(bigint[],integer[],integer)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_replay_dead_letters(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_skipped(jsonb,jsonb,integer)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_replay_skipped(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_replay_switched(bigint,boolean)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_resume_replay(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_start_replay(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'dot_iu_stop_replay(jsonb,jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_dot_check(jsonb)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_replay_step(integer)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_console, EXECUTE iu_worker'),
    ('view', 'v_iu_event_release', 'owner iu_owner; SELECT iu_reader; event_id bigint, released_from bigint'),
    ('view', 'v_iu_replay_job', 'owner iu_owner; SELECT iu_reader; job_id bigint, what text, filter jsonb, total integer, per_second integer, status text, done integer, replayed integer, failed_again integer, left_alone integer, started_at timestamp with time zone, started_by text, stopped_at timestamp with time zone, stopped_by text, last_batch_at timestamp with time zone, finished_at timestamp with time zone, waits_for text'),
    ('view', 'v_iu_route_dead_letter', 'owner iu_owner; SELECT iu_reader; dead_letter_id bigint, event_id bigint, route_id integer, route_code text, attempt_no integer, failure_code text, failure_detail text, event_domain text, event_type text, event_subject_table text, event_subject_ref text, payload jsonb, actor text, event_created_at timestamp with time zone, created_at timestamp with time zone, status text, resolved_at timestamp with time zone, resolved_by text, resolved_attempt_no integer, corrected_by_event_id bigint, replay_job_id bigint, cause text, route_enabled boolean, is_system boolean'),
    ('view', 'v_iu_route_dead_letter_cause', 'owner iu_owner; SELECT iu_reader; cause text, failure_code text, event_type text, route_id integer, route_code text, route_enabled boolean, failure_kind text, sample_detail text, sample_id bigint, letters integer, first_at timestamp with time zone, last_at timestamp with time zone'),
    ('view', 'v_iu_route_dead_letter_open', 'owner iu_owner; SELECT iu_reader; dead_letter_id bigint, event_id bigint, route_id integer, route_code text, attempt_no integer, failure_code text, failure_detail text, event_domain text, event_type text, event_subject_table text, event_subject_ref text, payload jsonb, actor text, event_created_at timestamp with time zone, created_at timestamp with time zone, cause text, route_enabled boolean')
  ) AS e(class, identity, facts)
  LEFT JOIN iu_core.fn_dot_catalogue() AS c ON c.class = e.class AND c.identity = e.identity
  WHERE c.facts IS DISTINCT FROM e.facts;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'not as deployed: %', v_wrong;
  END IF;
END
$verify$;
