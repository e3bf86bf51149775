-- requires: fn_iu_archive_content, iu_archive, iu_core
-- The digest is taken here, over the database's own rows: a file that holds anything else is not recorded.
CREATE FUNCTION iu_core.dot_iu_record_archive(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_older_than constant timestamptz := (p_params ->> 'older_than')::timestamptz;
  v_batch record;
  v_digest bytea;
  v_id bigint;
BEGIN
  IF v_older_than > clock_timestamp() THEN
    RAISE EXCEPTION 'older_than: % has not come yet', v_older_than USING ERRCODE = 'IU002', COLUMN = 'older_than';
  END IF;
  SELECT * INTO v_batch FROM fn_iu_archive_content(v_older_than, (p_params ->> 'first_event')::bigint - 1, (p_params ->> 'last_event')::bigint, 100000, 1073741824);
  v_digest := sha256(convert_to(v_batch.content, 'UTF8'));
  IF v_digest IS DISTINCT FROM decode(p_params ->> 'content_sha256', 'hex') THEN
    RAISE EXCEPTION 'content_sha256: the events from % to % are not what the file holds', p_params ->> 'first_event', p_params ->> 'last_event'
      USING ERRCODE = 'IU014', COLUMN = 'content_sha256', HINT = 'Something happened to them since: make the file anew.';
  END IF;
  INSERT INTO iu_archive (file_name, file_digest, file_bytes, content_digest, content_bytes, first_id, last_id, events, attempts, older_than, oldest_at, newest_at, made_by)
  VALUES (p_params ->> 'file', decode(p_params ->> 'file_sha256', 'hex'), (p_params ->> 'file_bytes')::bigint, v_digest, octet_length(v_batch.content),
          v_batch.first_id, v_batch.last_id, v_batch.events, v_batch.attempts, v_older_than, v_batch.oldest_at, v_batch.newest_at, fn_iu_actor())
  RETURNING id INTO v_id;
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'objects', jsonb_build_array(jsonb_build_object('ref', 'archive:' || (p_params ->> 'file'), 'change', 'create', 'after', jsonb_build_object('events', v_batch.events, 'attempts', v_batch.attempts))),
    'result', jsonb_build_object('archive', v_id, 'events', v_batch.events, 'attempts', v_batch.attempts, 'first_event', v_batch.first_id, 'last_event', v_batch.last_id),
    'checks', jsonb_build_array(jsonb_build_object('name', 'the_file_is_on_record', 'kind', 'archive', 'archive', v_id, 'sha256', p_params -> 'content_sha256')),
    'irreversible', 'A record of a file stays; nothing was removed.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_record_archive(jsonb, jsonb) IS 'Writes a file of archived events down with its digests; refuses one whose content is not what the rows are. Removes nothing';
REVOKE ALL ON FUNCTION iu_core.dot_iu_record_archive(jsonb, jsonb) FROM PUBLIC;
