-- requires: fn_dot_cursor_object, fn_iu_cursor_split, iu_core
CREATE FUNCTION iu_core.dot_iu_split_cursor(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_worker constant text := p_params ->> 'worker';
  v_new constant text := p_params ->> 'new_worker';
  v_before jsonb;
BEGIN
  PERFORM fn_iu_cursor_lock(v_worker);
  v_before := fn_dot_cursor_object(v_worker);
  PERFORM fn_iu_cursor_split(v_worker, (p_params ->> 'bucket')::integer, v_new, coalesce(p_params ->> 'new_part', 'upper'));
  RETURN jsonb_build_object(
    'state', v_before,
    'objects', jsonb_build_array(
      jsonb_build_object('ref', 'cursor:' || v_worker, 'change', 'update', 'before', v_before, 'after', fn_dot_cursor_object(v_worker)),
      jsonb_build_object('ref', 'cursor:' || v_new, 'change', 'create', 'after', fn_dot_cursor_object(v_new))),
    'refs', jsonb_build_array('worker:' || v_worker, 'worker:' || v_new),
    'result', jsonb_build_object('workers', jsonb_build_object(v_worker, fn_dot_cursor_object(v_worker), v_new, fn_dot_cursor_object(v_new))),
    'notes', jsonb_build_array('A process that serves one worker by name does not serve the new one; the schedule and a plain iu worker serve every one.'),
    'checks', jsonb_build_array(
      jsonb_build_object('name', 'worker_has_its_part', 'kind', 'cursor', 'worker', v_worker) || fn_dot_cursor_object(v_worker),
      jsonb_build_object('name', 'new_worker_has_the_rest', 'kind', 'cursor', 'worker', v_new) || fn_dot_cursor_object(v_new)),
    'inverse', jsonb_build_object('command', 'dot_iu_join_cursors', 'params', jsonb_build_object('worker', v_worker, 'joined', v_new)));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_split_cursor(jsonb, jsonb) IS 'Gives a part of a worker''s buckets to a new worker, while both go on';
REVOKE ALL ON FUNCTION iu_core.dot_iu_split_cursor(jsonb, jsonb) FROM PUBLIC;
