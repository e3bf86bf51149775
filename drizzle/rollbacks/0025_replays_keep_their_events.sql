SET LOCAL search_path = pg_catalog, iu_core, pg_temp;
CREATE OR REPLACE FUNCTION iu_core.fn_iu_archive_forecast(p_older_than timestamp with time zone)
 RETURNS TABLE(verdict text, events bigint, attempts bigint, oldest_at timestamp with time zone, newest_at timestamp with time zone)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT verdict, count(*), coalesce(sum(n), 0)::bigint, min(created_at), max(created_at)
  FROM (
    SELECT e.created_at, a.n, CASE
             WHEN e.delivery_lane = 'held' THEN 'held'
             WHEN e.released_from IS NOT NULL THEN 'releases_a_held_event'
             WHEN a.event_id IS NULL THEN 'not_attempted'
             WHEN e.id > coalesce(u.through_id, 0) OR o.event_id IS NOT NULL OR l.xid IS NOT NULL THEN 'not_audited'
             WHEN EXISTS (SELECT FROM iu_route_dead_letter AS d WHERE d.event_id = e.id AND d.status = 'open') THEN 'open_dead_letter'
             WHEN a.newest_at >= p_older_than THEN 'attempted_since'
             ELSE 'archivable' END AS verdict
    FROM event_outbox AS e
    LEFT JOIN (SELECT event_id, count(*) AS n, max(created_at) AS newest_at FROM iu_route_attempt GROUP BY event_id) AS a ON a.event_id = e.id
    LEFT JOIN iu_event_audit AS u ON true
    LEFT JOIN iu_event_audit_open AS o ON o.event_id = e.id
    LEFT JOIN iu_event_audit_late AS l ON l.xid = e.xid AND e.id <= l.through_id
    WHERE e.created_at < p_older_than
  ) AS judged
  GROUP BY verdict
$function$;
ALTER FUNCTION fn_iu_archive_forecast(timestamp with time zone) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_archive_forecast(timestamp with time zone) IS 'What an archive of all events older than a time would take, and what would stay and why. It takes as long as there are events';
GRANT EXECUTE ON FUNCTION fn_iu_archive_forecast(timestamp with time zone) TO iu_reader;
CREATE OR REPLACE FUNCTION iu_core.dot_iu_start_replay(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_what constant text := coalesce(p_params ->> 'what', 'dead_letters');
  v_ids bigint[];
  v_id bigint;
  v_total integer;
  v_result jsonb := '{}';
BEGIN
  PERFORM fn_iu_gate_require('iu_core.route_worker_enabled');
  PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
  IF v_what = 'skipped' AND (p_params ? 'cause' OR p_params ? 'failure_code' OR p_params ? 'event_type') THEN
    RAISE EXCEPTION 'what: skipped events are chosen by route and time' USING ERRCODE = 'IU002', COLUMN = 'what', HINT = 'Leave out cause, failure_code and event_type.';
  END IF;
  v_ids := CASE v_what WHEN 'skipped' THEN fn_dot_skipped(p_params, p_context, 500000) ELSE fn_dot_letters(p_params, p_context, 500000, true) END;
  -- The plan's number is the apply's, unless another was started between them.
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.iu_replay_job'));
  SELECT coalesce(max(id), 0) + 1 INTO v_id FROM iu_replay_job;
  SELECT CASE v_what WHEN 'skipped' THEN cardinality(v_ids) ELSE (SELECT count(*) FROM iu_route_dead_letter WHERE id = ANY (v_ids) AND status = 'open') END INTO v_total;
  IF v_total = 0 THEN
    RAISE EXCEPTION 'all of them are resolved already' USING ERRCODE = 'IU016';
  END IF;
  INSERT INTO iu_replay_job (id, what, filter, total, per_second, started_by)
  VALUES (v_id, v_what, p_params - 'what' - 'per_second', v_total, (p_params ->> 'per_second')::integer, fn_iu_actor());
  INSERT INTO iu_replay_batch (job_id, batch_no, event_ids, route_ids)
  SELECT v_id, (n - 1) / 1000, array_agg(event_id ORDER BY n), array_agg(route_id ORDER BY n)
  FROM (SELECT p.event_id, p.route_id, row_number() OVER (ORDER BY p.id) AS n
        FROM (SELECT d.id, d.event_id, d.route_id FROM iu_route_dead_letter AS d WHERE v_what = 'dead_letters' AND d.id = ANY (v_ids) AND d.status = 'open'
              UNION ALL
              SELECT i, i, r.id FROM unnest(v_ids) AS i CROSS JOIN iu_outbound_route AS r WHERE v_what = 'skipped' AND r.route_code = p_params ->> 'route') AS p) AS numbered
  GROUP BY (n - 1) / 1000;
  IF NOT p_context ? 'frozen' THEN
    WITH pairs AS MATERIALIZED (
      SELECT p.event_id, p.route_id FROM iu_replay_batch AS b CROSS JOIN LATERAL unnest(b.event_ids, b.route_ids) AS p(event_id, route_id) WHERE b.job_id = v_id
    ), decided AS MATERIALIZED (
      -- Without the words: to tell what is wrong costs more than to see that something is.
      SELECT DISTINCT ON (p.event_id, p.route_id) p.event_id, p.route_id, w.route_id AS to_route_id,
             CASE WHEN w.decision IS NULL THEN 'no_route' WHEN w.decision = 'failed' THEN 'failed_again' WHEN w.decision = 'skipped' THEN w.failure_code ELSE 'replayed' END AS becomes
      FROM pairs AS p LEFT JOIN v_iu_route_decision AS w ON w.event_id = p.event_id AND (w.route_id = p.route_id OR p.route_id = 0)
      ORDER BY p.event_id, p.route_id, w.decision = 'failed' DESC NULLS LAST
    )
    SELECT jsonb_build_object(
      'would_become', (SELECT jsonb_object_agg(becomes, n) FROM (SELECT becomes, count(*) AS n FROM decided GROUP BY becomes) AS c),
      'sample', (SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('event', s.event_id, 'event_type', e.event_type, 'subject', e.event_subject_ref, 'becomes', s.becomes, 'because', left(w.failure_detail, 200))) ORDER BY s.event_id, s.route_id)
                 FROM (SELECT DISTINCT ON (n) * FROM (SELECT d.*, ntile(5) OVER (ORDER BY event_id, route_id) AS n FROM decided AS d) AS t ORDER BY n, event_id, route_id) AS s
                 JOIN event_outbox AS e ON e.id = s.event_id
                 LEFT JOIN v_iu_route_decision AS w ON w.event_id = s.event_id AND w.route_id = s.to_route_id))
    INTO v_result;
    IF v_result -> 'would_become' ?| ARRAY['replayed', 'failed_again'] IS NOT TRUE THEN
      RAISE EXCEPTION 'nothing would be attempted: no route takes them' USING ERRCODE = 'IU016', HINT = 'Register a route for the type, or discard the letters.';
    END IF;
  END IF;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('replay', v_id),
    'frozen', fn_dot_frozen(v_ids),
    'objects', jsonb_build_array(jsonb_build_object('ref', 'replay:' || v_id, 'change', 'create', 'after', jsonb_strip_nulls(jsonb_build_object('status', 'running', 'what', v_what, 'total', v_total, 'per_second', p_params -> 'per_second')))),
    'result', jsonb_build_object('replay', v_id, CASE v_what WHEN 'skipped' THEN 'events' ELSE 'letters' END, v_total) || v_result,
    'notes', CASE WHEN cardinality(v_ids) = 500000 THEN jsonb_build_array('At most 500,000 go into one replay: MORE may match.') ELSE '[]' END,
    'checks', jsonb_build_array(jsonb_build_object('name', 'replay_has_its_set', 'kind', 'replay_set', 'replay', v_id, 'total', v_total)),
    'irreversible', 'Attempts are history. Stop it to keep it from making more.');
END
$function$;
ALTER FUNCTION dot_iu_start_replay(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_start_replay(jsonb,jsonb) IS 'Starts a replay in the background over the dead letters, or the skipped events, that the plan froze';
CREATE OR REPLACE FUNCTION iu_core.dot_iu_remove_archived_events(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_archive v_iu_archive;
  v_batch record;
  v_events bigint;
  v_attempts bigint;
  v_keyed bigint;
BEGIN
  -- The audit stands still meanwhile, and no cursor begins to read everything once more.
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.iu_event_audit'));
  SELECT * INTO v_archive FROM v_iu_archive WHERE archive_id = (p_params ->> 'archive')::bigint;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'archive: there is no %', p_params ->> 'archive' USING ERRCODE = 'IU003', COLUMN = 'archive';
  ELSIF v_archive.is_removed THEN
    RAISE EXCEPTION 'archive: the events of % are removed already', p_params ->> 'archive' USING ERRCODE = 'IU016', COLUMN = 'archive';
  END IF;
  -- A replay locks its event: it is finished before the rows are compared, or finds no event after.
  PERFORM FROM event_outbox WHERE id BETWEEN v_archive.first_id AND v_archive.last_id ORDER BY id FOR UPDATE;
  SELECT * INTO v_batch FROM fn_iu_archive_content(v_archive.older_than, v_archive.first_id - 1, v_archive.last_id, 100000, 1073741824);
  IF encode(sha256(convert_to(v_batch.content, 'UTF8')), 'hex') IS DISTINCT FROM v_archive.content_digest THEN
    RAISE EXCEPTION 'archive: the events of % are not what its file holds', p_params ->> 'archive'
      USING ERRCODE = 'IU014', COLUMN = 'archive', HINT = 'Something happened to them since, or they must stay: archive them anew.';
  END IF;
  SELECT count(*) INTO v_keyed FROM event_outbox WHERE id = ANY (v_batch.event_ids) AND idempotency_key IS NOT NULL;
  PERFORM fn_iu_attempt_block_count(v_batch.event_ids, -1);
  INSERT INTO iu_archive_move (archive_id, move, moved_by) VALUES (v_archive.archive_id, 'removed', fn_iu_actor());
  DELETE FROM iu_route_attempt WHERE event_id = ANY (v_batch.event_ids);
  GET DIAGNOSTICS v_attempts = ROW_COUNT;
  DELETE FROM event_outbox WHERE id = ANY (v_batch.event_ids);
  GET DIAGNOSTICS v_events = ROW_COUNT;
  IF (v_events, v_attempts) <> (v_archive.events, v_archive.attempts) THEN
    RAISE EXCEPTION 'archive: % holds % events and % attempts, and % and % would go', p_params ->> 'archive', v_archive.events, v_archive.attempts, v_events, v_attempts USING ERRCODE = 'IU014', COLUMN = 'archive';
  END IF;
  UPDATE iu_event_audit SET attempted = attempted - v_events, archived = archived + v_events;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('archive', v_archive.archive_id, 'sha256', v_archive.content_digest),
    'objects', jsonb_build_array(jsonb_build_object('ref', 'archive:' || v_archive.file_name, 'change', 'update',
      'before', jsonb_build_object('events', 'in the outbox'), 'after', jsonb_build_object('events', 'archived'))),
    'result', jsonb_build_object('events', v_events, 'attempts', v_attempts, 'first_event', v_archive.first_id, 'last_event', v_archive.last_id),
    'notes', CASE v_keyed WHEN 0 THEN '[]' ELSE jsonb_build_array(format('%s of them %s a key: emitted again under it, an event will be a new one.', v_keyed, CASE v_keyed WHEN 1 THEN 'has' ELSE 'have' END)) END,
    'checks', jsonb_build_array(jsonb_build_object('name', 'events_are_archived', 'kind', 'archive', 'archive', v_archive.archive_id, 'removed', true)),
    'irreversible', format('The file brings them back: iu retention restore %s', v_archive.file_name));
END
$function$;
ALTER FUNCTION dot_iu_remove_archived_events(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_remove_archived_events(jsonb,jsonb) IS 'Removes the events and attempts of an archive on record, when they are exactly what its file holds and nothing needs them';
CREATE OR REPLACE VIEW iu_core.v_iu_event_archivable AS
 SELECT e.id AS event_id,
    GREATEST(e.created_at, a.newest_at) AS newest_at
   FROM (event_outbox e
     CROSS JOIN LATERAL ( SELECT max(iu_route_attempt.created_at) AS newest_at
           FROM iu_route_attempt
          WHERE (iu_route_attempt.event_id = e.id)
         HAVING bool_or((iu_route_attempt.attempt_no = 1))
         OFFSET 0) a)
  WHERE ((e.id <= ( SELECT iu_event_audit.through_id
           FROM iu_event_audit)) AND (e.delivery_lane <> 'held'::text) AND (e.released_from IS NULL) AND (NOT (EXISTS ( SELECT
           FROM iu_event_audit_open o
          WHERE (o.event_id = e.id)))) AND (NOT (EXISTS ( SELECT
           FROM iu_event_audit_late l
          WHERE ((l.xid = e.xid) AND (e.id <= l.through_id))))) AND (NOT (EXISTS ( SELECT
           FROM iu_route_dead_letter d
          WHERE ((d.event_id = e.id) AND (d.status = 'open'::text))))) AND (EXISTS ( SELECT
           FROM v_iu_event_claim c
          WHERE ((c.event_id = e.id) AND c.is_passed))));
ALTER VIEW v_iu_event_archivable OWNER TO iu_owner;
COMMENT ON VIEW v_iu_event_archivable IS 'Events that may be archived when they are old enough: newest_at is the time of the event or of its last attempt';
DROP VIEW iu_core.v_iu_replay_left;
