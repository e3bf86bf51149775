-- requires: fn_dot_unit_object, iu_core, iu_relation
CREATE FUNCTION iu_core.dot_iu_clone_piece(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_version unit_version;
  v_clone bigint;
BEGIN
  IF v_unit.lifecycle_status = 'deleted' THEN
    RAISE EXCEPTION 'piece: % is deleted', v_unit.canonical_address USING ERRCODE = 'IU009', COLUMN = 'piece', HINT = 'Restore it first.';
  END IF;
  SELECT * INTO STRICT v_version FROM unit_version WHERE unit_id = v_unit.id AND version_seq = v_unit.current_version_seq;
  v_clone := fn_iu_create(p_params ->> 'address', v_unit.unit_kind, v_version.body, coalesce(p_params ->> 'title', v_unit.title));
  UPDATE information_unit SET title_is_derived = true WHERE id = v_clone AND v_unit.title_is_derived AND coalesce(p_params ->> 'title', v_unit.title) = v_unit.title;
  INSERT INTO iu_relation (from_unit_id, relation_kind, to_unit_id, to_version_seq) VALUES (v_clone, 'cloned_from', v_unit.id, v_version.version_seq);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('version', v_version.version_seq, 'status', v_unit.lifecycle_status),
    'objects', jsonb_build_array(fn_dot_unit_object(NULL, v_clone), jsonb_build_object('ref', format('relation:%s cloned_from %s', p_params ->> 'address', v_unit.canonical_address), 'change', 'create', 'after', jsonb_build_object('version', v_version.version_seq))),
    'refs', jsonb_build_array('unit:' || v_unit.canonical_address),
    'result', jsonb_build_object('piece', p_params -> 'address', 'cloned_from', v_unit.canonical_address, 'version', v_version.version_seq),
    'checks', jsonb_build_array(
      jsonb_build_object('name', 'clone_has_the_text', 'kind', 'unit', 'unit', p_params -> 'address', 'status', 'draft', 'sha256', encode(v_version.content_digest, 'hex')),
      jsonb_build_object('name', 'clone_is_related', 'kind', 'relation', 'from', p_params -> 'address', 'relation', 'cloned_from', 'to', v_unit.canonical_address)),
    'inverse', jsonb_build_object('command', 'dot_iu_soft_delete_piece', 'params', jsonb_build_object('piece', p_params -> 'address')));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_clone_piece(jsonb, jsonb) IS 'Copies a unit''s current text under a new address, related to it as cloned_from';
REVOKE ALL ON FUNCTION iu_core.dot_iu_clone_piece(jsonb, jsonb) FROM PUBLIC;
