-- requires: fn_iu_axes_refresh, iu_unit_axis, iu_core
CREATE FUNCTION iu_core.dot_iu_refresh_metadata_axes(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_ids bigint[];
  v_axes text;
  v_changed integer;
  v_ref text;
BEGIN
  IF (p_params ? 'collection') = (p_params ? 'piece') THEN
    RAISE EXCEPTION 'collection: name a collection or a piece' USING ERRCODE = 'IU002', COLUMN = 'collection';
  ELSIF p_params ? 'piece' THEN
    v_ids := ARRAY[(fn_dot_unit(p_params, 'piece')).id];
    v_ref := 'unit:' || (p_params ->> 'piece');
  ELSE
    v_ids := ARRAY(SELECT unit_id FROM iu_collection_piece WHERE collection_id = (SELECT (fn_dot_collection(p_params)).id) ORDER BY unit_id);
    v_ref := 'collection:' || (p_params ->> 'collection');
  END IF;
  v_axes := (SELECT string_agg(concat_ws(' ', unit_id, axis, value), chr(10) ORDER BY unit_id, axis) FROM iu_unit_axis WHERE unit_id = ANY (v_ids));
  v_changed := fn_iu_axes_refresh(v_ids);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('units', encode(sha256(convert_to((SELECT coalesce(string_agg(u.id || ' ' || u.current_version_seq || ' ' || u.lifecycle_status, ',' ORDER BY u.id), '') FROM information_unit AS u WHERE u.id = ANY (v_ids)), 'UTF8')), 'hex'),
      'axes', encode(sha256(convert_to(coalesce(v_axes, ''), 'UTF8')), 'hex')),
    'objects', CASE WHEN v_changed = 0 THEN '[]' ELSE jsonb_build_array(jsonb_build_object('ref', v_ref, 'change', 'update', 'after', jsonb_build_object('axes_changed', v_changed))) END,
    'refs', jsonb_build_array(v_ref),
    'result', jsonb_build_object('pieces', cardinality(v_ids), 'changed', v_changed),
    'checks', jsonb_build_array(jsonb_build_object('name', 'axes_are_derived', 'kind', 'axes') || (p_params)),
    'irreversible', 'Axes are derived from the text; they follow it at the next refresh.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_refresh_metadata_axes(jsonb, jsonb) IS 'Derives the metadata axes of a collection''s pieces, or of one piece, anew';
REVOKE ALL ON FUNCTION iu_core.dot_iu_refresh_metadata_axes(jsonb, jsonb) FROM PUBLIC;
