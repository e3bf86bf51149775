-- requires: fn_dot_cursor_object, fn_iu_cursor_join, iu_core
CREATE FUNCTION iu_core.dot_iu_join_cursors(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_worker constant text := p_params ->> 'worker';
  v_joined constant text := p_params ->> 'joined';
  v_before jsonb;
  v_gone jsonb;
  v_reads text;
BEGIN
  IF fn_dot_cursor_object(v_joined) IS NULL THEN
    RAISE EXCEPTION 'joined: % has no cursor', v_joined USING ERRCODE = 'IU003', COLUMN = 'joined';
  END IF;
  PERFORM fn_iu_cursor_lock(v_worker, v_joined);
  v_before := fn_dot_cursor_object(v_worker);
  v_gone := fn_dot_cursor_object(v_joined);
  v_reads := fn_iu_cursor_join(v_worker, v_joined);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('worker', v_before, 'joined', v_gone),
    'objects', jsonb_build_array(
      jsonb_build_object('ref', 'cursor:' || v_worker, 'change', 'update', 'before', v_before, 'after', fn_dot_cursor_object(v_worker)),
      jsonb_build_object('ref', 'cursor:' || v_joined, 'change', 'delete', 'before', v_gone)),
    'refs', jsonb_build_array('worker:' || v_worker, 'worker:' || v_joined),
    'result', jsonb_build_object('workers', jsonb_build_object(v_worker, fn_dot_cursor_object(v_worker)), 'reads_again', v_reads),
    'notes', CASE v_reads
      WHEN 'nothing' THEN jsonb_build_array(format('A process that serves %s by name ends with its next pass.', v_joined))
      WHEN 'some' THEN jsonb_build_array('The two are not in the same place: what one of them did beyond the other is read once more, and nothing is decided twice.')
      ELSE jsonb_build_array('At least one of them has yet to read everything, as after a restore: every event is read once more, and nothing is decided twice.') END,
    'checks', jsonb_build_array(
      jsonb_build_object('name', 'worker_has_all_buckets', 'kind', 'cursor', 'worker', v_worker) || fn_dot_cursor_object(v_worker),
      jsonb_build_object('name', 'joined_worker_has_none', 'kind', 'cursor', 'worker', v_joined, 'bucket_from', NULL, 'bucket_to', NULL)),
    'inverse', jsonb_build_object('command', 'dot_iu_split_cursor', 'params', CASE WHEN (v_gone -> 'bucket_from')::integer > (v_before -> 'bucket_from')::integer
      THEN jsonb_build_object('worker', v_worker, 'new_worker', v_joined, 'bucket', v_gone -> 'bucket_from')
      ELSE jsonb_build_object('worker', v_worker, 'new_worker', v_joined, 'bucket', v_before -> 'bucket_from', 'new_part', 'lower') END));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_join_cursors(jsonb, jsonb) IS 'Gives all buckets of a worker to one whose buckets touch them, while both go on';
REVOKE ALL ON FUNCTION iu_core.dot_iu_join_cursors(jsonb, jsonb) FROM PUBLIC;
