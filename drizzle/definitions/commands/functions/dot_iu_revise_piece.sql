-- requires: fn_dot_line_end_notes, fn_dot_loss, fn_dot_seams, fn_dot_separators_restore, fn_dot_unit_object, fn_iu_seam_revised, fn_iu_title, iu_core, iu_tree_path
CREATE FUNCTION iu_core.dot_iu_revise_piece(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
AS $$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_body text := p_params ->> 'body';
  v_followers jsonb;
  v_collections iu_collection[];
  v_was text;
  v_title text;
  v_derives boolean;
  v_seams record;
  v_objects jsonb := '[]';
  v_separators jsonb := '[]';
BEGIN
  IF (p_params ? 'body') = (p_params ? 'version') THEN
    RAISE EXCEPTION 'body: give the new body, or the version whose body is wanted again' USING ERRCODE = 'IU002', COLUMN = 'body';
  ELSIF (p_params ->> 'expect_version')::integer <> v_unit.current_version_seq THEN
    RAISE EXCEPTION 'expect_version: the piece is at version % by now', v_unit.current_version_seq USING ERRCODE = 'IU014', COLUMN = 'expect_version', HINT = 'Look at the new version first.';
  END IF;
  IF p_params ? 'version' THEN
    SELECT body INTO v_body FROM unit_version WHERE unit_id = v_unit.id AND version_seq = (p_params ->> 'version')::integer;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'version: the piece has no version %', p_params ->> 'version' USING ERRCODE = 'IU003', COLUMN = 'version';
    END IF;
  END IF;
  PERFORM FROM iu_collection WHERE id IN (SELECT collection_id FROM iu_collection_piece WHERE unit_id = v_unit.id AND pinned_version_seq IS NULL) ORDER BY id FOR NO KEY UPDATE;
  SELECT array_agg(c ORDER BY c.id) INTO v_collections
  FROM iu_collection AS c WHERE c.id IN (SELECT collection_id FROM iu_collection_piece WHERE unit_id = v_unit.id AND pinned_version_seq IS NULL);
  SELECT body INTO STRICT v_was FROM unit_version WHERE unit_id = v_unit.id AND version_seq = v_unit.current_version_seq;
  -- A title that was made of the text is made anew, unless somebody gives another. The same once more is nobody's own.
  v_derives := coalesce((p_params ->> 'derive_title')::boolean, v_unit.title_is_derived AND coalesce(nullif(p_params ->> 'title', ''), v_unit.title) = v_unit.title);
  v_title := CASE WHEN v_derives THEN fn_iu_title(v_unit.unit_kind, v_body) WHEN p_params -> 'derive_title' = 'false' THEN coalesce(p_params ->> 'title', v_unit.title)
    ELSE coalesce(nullif(p_params ->> 'title', ''), v_unit.title) END;
  IF fn_iu_apply_versions(ARRAY[v_unit.id], ARRAY[v_body], NULL, ARRAY[v_title]) = 0 THEN
    RAISE EXCEPTION 'body: it is the current one, byte for byte' USING ERRCODE = 'IU016', COLUMN = 'body';
  END IF;
  UPDATE information_unit SET title_is_derived = v_derives WHERE id = v_unit.id AND title_is_derived <> v_derives;
  -- A document is known by its first heading.
  UPDATE iu_collection AS c SET title = v_title
  FROM iu_tree_path AS t
  WHERE t.unit_id = v_unit.id AND t.section_level = 1 AND c.id IN (SELECT f.id FROM unnest(v_collections) AS f) AND c.source_path IS NOT NULL AND c.title = v_unit.title AND v_title <> '';
  FOR i IN 1 .. coalesce(cardinality(v_collections), 0) LOOP
    v_seams := fn_dot_seams(v_collections[i], CASE WHEN p_params ? 'separators' THEN fn_dot_separators_restore(v_collections[i], p_params -> 'separators')
      ELSE fn_iu_seam_revised(v_collections[i].id, v_unit.id, v_was) END, v_unit.id, true);
    v_separators := v_separators || v_seams.before;
    v_objects := v_objects || v_seams.objects || v_seams.own;
  END LOOP;
  SELECT coalesce(jsonb_agg(fn_dot_collection_object(c) ORDER BY c.id), '[]') INTO v_followers FROM unnest(v_collections) AS c;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('version', v_unit.current_version_seq, 'title', v_unit.title, 'followers', (SELECT jsonb_agg(c.revision ORDER BY c.id) FROM unnest(v_collections) AS c)),
    'objects', jsonb_build_array(fn_dot_unit_object(v_unit, v_unit.id)) || v_followers || v_objects,
    'friction', CASE WHEN v_body !~ '\S' AND v_was ~ '\S' THEN jsonb_build_array(jsonb_build_object('because', 'removals', 'what', format('It leaves no text of %s.', v_unit.canonical_address)))
      ELSE coalesce((SELECT l.loss FROM unnest(v_collections) AS c CROSS JOIN LATERAL (SELECT fn_dot_loss(c, 0, c.byte_length + octet_length(v_body) - octet_length(v_was)) AS loss) AS l ORDER BY l.loss = '[]', c.id LIMIT 1), '[]') END,
    'result', jsonb_build_object('version', v_unit.current_version_seq + 1),
    'notes', fn_dot_line_end_notes((SELECT body FROM unit_version WHERE unit_id = v_unit.id AND version_seq = v_unit.current_version_seq), v_body),
    'checks', jsonb_build_array(jsonb_build_object('name', 'version_applied', 'kind', 'unit', 'unit', v_unit.canonical_address, 'version', v_unit.current_version_seq + 1, 'sha256', encode(sha256(convert_to(v_body, 'UTF8')), 'hex'))),
    'inverse', jsonb_build_object('command', 'dot_iu_revise_piece', 'params', jsonb_build_object('piece', v_unit.canonical_address, 'version', v_unit.current_version_seq, 'expect_version', v_unit.current_version_seq + 1, 'separators', v_separators) || CASE WHEN v_unit.title_is_derived THEN '{"derive_title": true}'::jsonb ELSE jsonb_build_object('title', v_unit.title, 'derive_title', false) END));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_revise_piece(jsonb, jsonb) IS 'Gives a unit a new version: a new body, or that of an earlier version';
REVOKE ALL ON FUNCTION iu_core.dot_iu_revise_piece(jsonb, jsonb) FROM PUBLIC;
