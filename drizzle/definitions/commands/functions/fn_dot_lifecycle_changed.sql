-- requires: dot_iu_restore_piece, fn_dot_unit_object, information_unit, iu_collection_piece, iu_core
CREATE FUNCTION iu_core.fn_dot_lifecycle_changed(p_before iu_core.information_unit, p_status text)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT jsonb_build_object(
    'state', jsonb_build_object('status', (p_before).lifecycle_status, 'version', (p_before).current_version_seq, 'standing_in', (SELECT count(*) FROM iu_collection_piece WHERE unit_id = (p_before).id)),
    'objects', jsonb_build_array(fn_dot_unit_object(p_before, (p_before).id)),
    'result', jsonb_build_object('status', p_status),
    'checks', jsonb_build_array(jsonb_build_object('name', 'piece_is_' || p_status, 'kind', 'unit', 'unit', (p_before).canonical_address, 'status', p_status)),
    'inverse', jsonb_build_object('command', 'dot_iu_restore_piece', 'params', jsonb_build_object('piece', (p_before).canonical_address)))
$$;
COMMENT ON FUNCTION iu_core.fn_dot_lifecycle_changed(iu_core.information_unit, text) IS 'What the handlers that change a unit''s lifecycle return; the inverse is the restoration';
REVOKE ALL ON FUNCTION iu_core.fn_dot_lifecycle_changed(iu_core.information_unit, text) FROM PUBLIC;
