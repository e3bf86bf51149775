-- requires: fn_iu_archive_content, fn_iu_attempt_block_count, fn_iu_lock, iu_archive_move, iu_core, v_iu_archive
-- Locks old events and the audit, nothing that a pass or an emitter waits for.
CREATE FUNCTION iu_core.dot_iu_remove_archived_events(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_archive v_iu_archive;
  v_batch record;
  v_events bigint;
  v_attempts bigint;
  v_keyed bigint;
BEGIN
  -- The audit stands still meanwhile, and no cursor begins to read everything once more.
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.iu_event_audit'));
  -- Nor does a replay begin: what it freezes stays.
  PERFORM fn_iu_lock('iu_core.iu_replay_job');
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
$$;
COMMENT ON FUNCTION iu_core.dot_iu_remove_archived_events(jsonb, jsonb) IS 'Removes the events and attempts of an archive on record, when they are exactly what its file holds and nothing needs them';
REVOKE ALL ON FUNCTION iu_core.dot_iu_remove_archived_events(jsonb, jsonb) FROM PUBLIC;
