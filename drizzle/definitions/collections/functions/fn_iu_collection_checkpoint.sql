-- requires: iu_collection_checkpoint, iu_collection_checkpoint_piece, iu_core
CREATE FUNCTION iu_core.fn_iu_collection_checkpoint(p_collection_id bigint, p_label text DEFAULT NULL)
RETURNS iu_core.iu_collection_checkpoint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_checkpoint iu_collection_checkpoint;
  v_text text;
BEGIN
  -- The collection's lock gives the number, and keeps its pieces still.
  PERFORM FROM iu_collection WHERE id = p_collection_id FOR NO KEY UPDATE;
  v_text := fn_iu_collection_manifest_text(p_collection_id);
  INSERT INTO iu_collection_checkpoint (collection_id, checkpoint_no, label, revision, title, manifest_text, manifest_digest, render_digest, piece_count, byte_length, source_digest, source_byte_length, base_id)
  SELECT c.id, coalesce((SELECT max(k.checkpoint_no) FROM iu_collection_checkpoint AS k WHERE k.collection_id = c.id), 0) + 1, coalesce(p_label, ''), c.revision, c.title,
         v_text, sha256(convert_to(v_text, 'UTF8')), sha256(convert_to(fn_iu_collection_render(c.id), 'UTF8')), c.piece_count, c.byte_length, c.source_digest, c.source_byte_length, c.base_id
  FROM iu_collection AS c WHERE c.id = p_collection_id
  RETURNING * INTO STRICT v_checkpoint;
  INSERT INTO iu_collection_checkpoint_piece (collection_id, checkpoint_no, unit_id, version_seq, is_pinned, unit_version_seq, position, separator, unit_kind, title, parent_unit_id, section_level)
  SELECT p.collection_id, v_checkpoint.checkpoint_no, p.unit_id, coalesce(p.pinned_version_seq, u.current_version_seq), p.pinned_version_seq IS NOT NULL, u.current_version_seq, p.position, p.separator,
         u.unit_kind, u.title, t.parent_unit_id, t.section_level
  FROM iu_collection_piece AS p JOIN information_unit AS u ON u.id = p.unit_id LEFT JOIN iu_tree_path AS t ON t.unit_id = p.unit_id
  WHERE p.collection_id = p_collection_id;
  RETURN v_checkpoint;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_collection_checkpoint(bigint, text) IS 'Freezes a collection as it stands under the next number, and returns the checkpoint';
REVOKE ALL ON FUNCTION iu_core.fn_iu_collection_checkpoint(bigint, text) FROM PUBLIC;
