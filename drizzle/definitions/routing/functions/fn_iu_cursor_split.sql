-- requires: fn_iu_cursor_lock
-- Both parts go on from where the whole was: the window is copied as it is, whatever page it is on.
CREATE FUNCTION iu_core.fn_iu_cursor_split(p_worker_code text, p_bucket integer, p_new_worker_code text, p_new_part text DEFAULT 'upper')
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_cursor iu_route_worker_cursor;
  v_is_upper constant boolean := p_new_part = 'upper';
BEGIN
  PERFORM fn_iu_cursor_lock(p_worker_code);
  SELECT * INTO STRICT v_cursor FROM iu_route_worker_cursor WHERE worker_code = p_worker_code;
  IF v_cursor.bucket_from = v_cursor.bucket_to THEN
    RAISE EXCEPTION 'worker_code: % has one bucket only', p_worker_code USING ERRCODE = 'IU002', COLUMN = 'worker_code', HINT = 'A bucket is not divided: subjects hash to it.';
  ELSIF p_bucket IS NULL OR p_bucket <= v_cursor.bucket_from OR p_bucket > v_cursor.bucket_to THEN
    RAISE EXCEPTION 'bucket: % does not divide the buckets % to %', coalesce(p_bucket::text, 'null'), v_cursor.bucket_from, v_cursor.bucket_to
      USING ERRCODE = 'IU002', COLUMN = 'bucket', HINT = format('The upper part begins at a bucket from %s to %s.', v_cursor.bucket_from + 1, v_cursor.bucket_to);
  ELSIF p_new_worker_code IS NULL OR p_new_worker_code !~ '^[a-z0-9_]+$' OR octet_length(p_new_worker_code) > 63 OR p_new_worker_code = 'replay' THEN
    RAISE EXCEPTION 'new_worker: "%" is no code of a worker', left(coalesce(p_new_worker_code, 'null'), 80)
      USING ERRCODE = 'IU002', COLUMN = 'new_worker', HINT = 'Use a-z 0-9 _, at most 63; replays are counted as replay.';
  ELSIF EXISTS (SELECT FROM iu_route_worker_cursor WHERE worker_code = p_new_worker_code) THEN
    RAISE EXCEPTION 'new_worker: % has a cursor already', p_new_worker_code USING ERRCODE = 'IU004', COLUMN = 'new_worker';
  END IF;
  UPDATE iu_route_worker_cursor
  SET bucket_from = CASE WHEN v_is_upper THEN bucket_from ELSE p_bucket END, bucket_to = CASE WHEN v_is_upper THEN p_bucket - 1 ELSE bucket_to END
  WHERE worker_code = p_worker_code;
  INSERT INTO iu_route_worker_cursor (worker_code, bucket_from, bucket_to, system_identifier, snap_from, floor_id, snap_to, floor_to_id, trusted_id, last_id, own_xid, own_last_id, reread_id)
  VALUES (p_new_worker_code, CASE WHEN v_is_upper THEN p_bucket ELSE v_cursor.bucket_from END, CASE WHEN v_is_upper THEN v_cursor.bucket_to ELSE p_bucket - 1 END,
          v_cursor.system_identifier, v_cursor.snap_from, v_cursor.floor_id, v_cursor.snap_to, v_cursor.floor_to_id, v_cursor.trusted_id, v_cursor.last_id,
          v_cursor.own_xid, v_cursor.own_last_id, v_cursor.reread_id);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_cursor_split(text, integer, text, text) IS 'Gives a part of a worker''s buckets, the upper (from p_bucket) or the lower, to a new worker that goes on from the same place. IU002 it cannot be divided so, IU003 unknown worker, IU004 the new one exists';
REVOKE ALL ON FUNCTION iu_core.fn_iu_cursor_split(text, integer, text, text) FROM PUBLIC;
