-- requires: dot_iu_history_unsealed, fn_iu_attempt_block_count, iu_archive_move, iu_core, v_iu_archive
-- Only the very bytes that were archived come back: their digest was taken by the database when they left.
CREATE FUNCTION iu_core.dot_iu_restore_archived_events(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET TimeZone = 'UTC'
AS $$
DECLARE
  v_archive v_iu_archive;
  v_lines jsonb[];
  v_ids bigint[];
  v_attempts bigint;
  v_taken bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.iu_event_audit'));
  SELECT * INTO v_archive FROM v_iu_archive WHERE archive_id = (p_params ->> 'archive')::bigint;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'archive: there is no %', p_params ->> 'archive' USING ERRCODE = 'IU003', COLUMN = 'archive';
  ELSIF NOT v_archive.is_removed THEN
    RAISE EXCEPTION 'archive: the events of % are %', p_params ->> 'archive',
      CASE WHEN EXISTS (SELECT FROM event_outbox WHERE id = v_archive.first_id) THEN 'in the outbox' ELSE 'in another archive by now' END USING ERRCODE = 'IU016', COLUMN = 'archive';
  ELSIF encode(sha256(convert_to(p_params ->> 'content', 'UTF8')), 'hex') <> v_archive.content_digest THEN
    RAISE EXCEPTION 'content: this is not what archive % holds', p_params ->> 'archive' USING ERRCODE = 'IU002', COLUMN = 'content', HINT = format('Its file is %s.', v_archive.file_name);
  END IF;
  v_lines := ARRAY(SELECT line::jsonb FROM string_to_table(p_params ->> 'content', E'\n') AS line WHERE line <> '');
  SELECT min(e.id) INTO v_taken
  FROM unnest(v_lines) AS r(line) JOIN event_outbox AS e
    ON (e.event_type, e.event_subject_ref, e.idempotency_key) = (r.line -> 'event' ->> 'event_type', r.line -> 'event' ->> 'event_subject_ref', r.line -> 'event' ->> 'idempotency_key') AND e.released_from IS NULL;
  IF v_taken IS NOT NULL THEN
    RAISE EXCEPTION 'content: event % was emitted since, with the key of one of these', v_taken USING ERRCODE = 'IU004', COLUMN = 'content', HINT = 'One key, one event: these stay in the archive.';
  END IF;
  -- Each row as it was, its transaction included: it was routed, and no worker looks for it. A payload may be the JSON null.
  WITH restored AS (
    INSERT INTO event_outbox (xid, id, event_domain, event_type, event_subject_table, event_subject_ref, payload, delivery_lane, idempotency_key, actor, created_at, released_from)
    OVERRIDING SYSTEM VALUE
    SELECT e.xid, e.id, e.event_domain, e.event_type, e.event_subject_table, e.event_subject_ref, r.line -> 'event' -> 'payload', e.delivery_lane, e.idempotency_key, e.actor, e.created_at, e.released_from
    FROM unnest(v_lines) AS r(line) CROSS JOIN LATERAL jsonb_populate_record(NULL::event_outbox, r.line -> 'event') AS e
    RETURNING id
  )
  SELECT array_agg(id) INTO v_ids FROM restored;
  INSERT INTO iu_route_attempt SELECT a.* FROM unnest(v_lines) AS r(line) CROSS JOIN LATERAL jsonb_populate_recordset(NULL::iu_route_attempt, r.line -> 'attempts') AS a;
  GET DIAGNOSTICS v_attempts = ROW_COUNT;
  -- Whatever of it was archived before it was sealed is sealed now.
  INSERT INTO dot_iu_history_unsealed (what, row_keys, is_again)
  VALUES ('events', (SELECT array_agg(i::text) FROM unnest(v_ids) AS i), true),
         ('attempts', (SELECT array_agg(concat_ws('/', a.event_id, a.route_id, a.attempt_no)) FROM unnest(v_ids) AS i JOIN iu_route_attempt AS a ON a.event_id = i), true);
  PERFORM fn_iu_attempt_block_count(v_ids, 1);
  INSERT INTO iu_archive_move (archive_id, move, moved_by) VALUES (v_archive.archive_id, 'restored', fn_iu_actor());
  UPDATE iu_event_audit SET attempted = attempted + cardinality(v_ids), archived = archived - cardinality(v_ids);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('archive', v_archive.archive_id, 'sha256', v_archive.content_digest),
    'objects', jsonb_build_array(jsonb_build_object('ref', 'archive:' || v_archive.file_name, 'change', 'update',
      'before', jsonb_build_object('events', 'archived'), 'after', jsonb_build_object('events', 'in the outbox'))),
    'result', jsonb_build_object('events', cardinality(v_ids), 'attempts', v_attempts),
    'checks', jsonb_build_array(jsonb_build_object('name', 'events_are_back', 'kind', 'archive', 'archive', v_archive.archive_id, 'removed', false, 'in_outbox', true)),
    'inverse', jsonb_build_object('command', 'dot_iu_remove_archived_events', 'params', jsonb_build_object('archive', v_archive.archive_id)));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_restore_archived_events(jsonb, jsonb) IS 'Brings the events and attempts of a removed archive back, each row as it was, from the content of its file';
REVOKE ALL ON FUNCTION iu_core.dot_iu_restore_archived_events(jsonb, jsonb) FROM PUBLIC;
