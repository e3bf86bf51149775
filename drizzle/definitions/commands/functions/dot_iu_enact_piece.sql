-- requires: fn_dot_unit_object, iu_core
CREATE FUNCTION iu_core.dot_iu_enact_piece(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_to constant text := coalesce(p_params ->> 'status', 'enacted');
BEGIN
  IF v_unit.lifecycle_status = v_to THEN
    RAISE EXCEPTION 'piece: % is % already', v_unit.canonical_address, v_to USING ERRCODE = 'IU016', COLUMN = 'piece';
  ELSIF v_unit.lifecycle_status NOT IN ('draft', 'enacted') THEN
    RAISE EXCEPTION 'piece: % is %', v_unit.canonical_address, v_unit.lifecycle_status USING ERRCODE = 'IU009', COLUMN = 'piece', HINT = 'Restore it first.';
  END IF;
  UPDATE information_unit SET lifecycle_status = v_to WHERE id = v_unit.id;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('status', v_unit.lifecycle_status, 'version', v_unit.current_version_seq),
    'objects', jsonb_build_array(fn_dot_unit_object(v_unit, v_unit.id)),
    'result', jsonb_build_object('status', v_to),
    'checks', jsonb_build_array(jsonb_build_object('name', 'piece_is_' || v_to, 'kind', 'unit', 'unit', v_unit.canonical_address, 'status', v_to)),
    'inverse', jsonb_build_object('command', 'dot_iu_enact_piece', 'params', jsonb_build_object('piece', v_unit.canonical_address, 'status', v_unit.lifecycle_status)));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_enact_piece(jsonb, jsonb) IS 'Puts a draft in force, or (status draft) takes one back';
REVOKE ALL ON FUNCTION iu_core.dot_iu_enact_piece(jsonb, jsonb) FROM PUBLIC;
