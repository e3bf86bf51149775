-- requires: fn_iu_import_base_put, iu_collection_checkpoint, iu_collection_checkpoint_piece, iu_core
-- Forward, never back: a piece whose text differs gets a further version, so the way there stays in its history.
CREATE FUNCTION iu_core.fn_iu_collection_return(p_collection_id bigint, p_checkpoint_no integer)
RETURNS TABLE (pieces_added integer, pieces_removed integer, pieces_moved integer, versions_created integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_checkpoint iu_collection_checkpoint;
  v_wrong text;
  v_ids bigint[];
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  -- Units before collections: the lock order of every writer.
  PERFORM FROM information_unit
  WHERE id IN (SELECT unit_id FROM iu_collection_piece WHERE collection_id = p_collection_id
               UNION SELECT unit_id FROM iu_collection_checkpoint_piece WHERE collection_id = p_collection_id AND checkpoint_no = p_checkpoint_no)
  ORDER BY id FOR UPDATE;
  PERFORM FROM iu_collection WHERE id = p_collection_id FOR NO KEY UPDATE;
  SELECT * INTO v_checkpoint FROM iu_collection_checkpoint WHERE collection_id = p_collection_id AND checkpoint_no = p_checkpoint_no;
  IF NOT FOUND AND p_checkpoint_no <> 0 THEN
    RAISE EXCEPTION 'checkpoint: the collection has no checkpoint %', p_checkpoint_no USING ERRCODE = 'IU003', COLUMN = 'checkpoint';
  END IF;
  SELECT format('%s (%s)', u.canonical_address, u.lifecycle_status) INTO v_wrong
  FROM iu_collection_checkpoint_piece AS k JOIN information_unit AS u ON u.id = k.unit_id
  WHERE k.collection_id = p_collection_id AND k.checkpoint_no = p_checkpoint_no AND u.lifecycle_status IN ('retired', 'deleted')
    AND NOT EXISTS (SELECT FROM iu_collection_piece AS p WHERE p.collection_id = p_collection_id AND p.unit_id = k.unit_id) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'piece % cannot be added anywhere', v_wrong USING ERRCODE = 'IU009', COLUMN = 'checkpoint', HINT = 'Restore it first.';
  END IF;

  v_ids := ARRAY(SELECT p.unit_id FROM iu_collection_piece AS p
                 WHERE p.collection_id = p_collection_id
                   AND NOT EXISTS (SELECT FROM iu_collection_checkpoint_piece AS k WHERE (k.collection_id, k.checkpoint_no, k.unit_id) = (p_collection_id, p_checkpoint_no, p.unit_id))
                 ORDER BY p.position);
  pieces_removed := cardinality(v_ids);
  IF pieces_removed > 0 THEN
    PERFORM fn_iu_collection_remove(p_collection_id, v_ids);
  END IF;
  SELECT coalesce(fn_iu_apply_versions(array_agg(k.unit_id ORDER BY k.unit_id), array_agg(w.body ORDER BY k.unit_id), array_agg(k.unit_kind ORDER BY k.unit_id), array_agg(k.title ORDER BY k.unit_id)), 0)
  INTO versions_created
  FROM iu_collection_checkpoint_piece AS k
  JOIN information_unit AS u ON u.id = k.unit_id
  JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq
  JOIN unit_version AS w ON w.unit_id = u.id AND w.version_seq = k.unit_version_seq
  -- What stands here and follows, or did: a piece that has left may have been revised for others since, and one that
  -- is pinned, then and now, was not shown in its newest text anyway.
  JOIN iu_collection_piece AS p ON p.collection_id = k.collection_id AND p.unit_id = k.unit_id AND (p.pinned_version_seq IS NULL OR NOT k.is_pinned)
  WHERE k.collection_id = p_collection_id AND k.checkpoint_no = p_checkpoint_no AND v.content_digest <> w.content_digest
  HAVING count(*) > 0;
  versions_created := coalesce(versions_created, 0);

  SELECT count(fn_iu_collection_reorder(p_collection_id, unit_ids, positions)), coalesce(max(cardinality(unit_ids)), 0) INTO v_wrong, pieces_moved
  FROM (SELECT array_agg(k.unit_id ORDER BY k.position) AS unit_ids, array_agg(k.position ORDER BY k.position) AS positions
        FROM iu_collection_checkpoint_piece AS k JOIN iu_collection_piece AS p ON p.collection_id = k.collection_id AND p.unit_id = k.unit_id
        WHERE k.collection_id = p_collection_id AND k.checkpoint_no = p_checkpoint_no AND p.position <> k.position
        HAVING count(*) > 0) AS moved;
  SELECT count(fn_iu_collection_put(p_collection_id, unit_ids, positions, separators, pins)), coalesce(max(cardinality(unit_ids)), 0) INTO v_wrong, pieces_added
  FROM (SELECT array_agg(k.unit_id ORDER BY k.position) AS unit_ids, array_agg(k.position ORDER BY k.position) AS positions, array_agg(k.separator ORDER BY k.position) AS separators,
               -- What was revised since it left comes back pinned to the text that it had here.
               array_agg(CASE WHEN k.is_pinned OR v.content_digest <> w.content_digest THEN k.version_seq END ORDER BY k.position) AS pins
        FROM iu_collection_checkpoint_piece AS k
        JOIN information_unit AS u ON u.id = k.unit_id
        JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq
        JOIN unit_version AS w ON w.unit_id = u.id AND w.version_seq = k.version_seq
        WHERE k.collection_id = p_collection_id AND k.checkpoint_no = p_checkpoint_no
          AND NOT EXISTS (SELECT FROM iu_collection_piece AS p WHERE p.collection_id = p_collection_id AND p.unit_id = k.unit_id)
        HAVING count(*) > 0) AS missing;
  UPDATE iu_collection_piece AS p SET separator = k.separator, pinned_version_seq = pin.version_seq
  FROM iu_collection_checkpoint_piece AS k
  JOIN information_unit AS u ON u.id = k.unit_id
  JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq
  JOIN unit_version AS w ON w.unit_id = u.id AND w.version_seq = k.version_seq
  CROSS JOIN LATERAL (SELECT CASE WHEN k.is_pinned OR v.content_digest <> w.content_digest THEN k.version_seq END AS version_seq) AS pin
  WHERE (k.collection_id, k.checkpoint_no, k.unit_id) = (p_collection_id, p_checkpoint_no, p.unit_id) AND p.collection_id = p_collection_id
    AND (p.separator, p.pinned_version_seq) IS DISTINCT FROM (k.separator, pin.version_seq);
  DELETE FROM iu_tree_path AS t USING iu_collection_checkpoint_piece AS k
  WHERE k.collection_id = p_collection_id AND k.checkpoint_no = p_checkpoint_no AND k.section_level IS NULL AND t.unit_id = k.unit_id;
  INSERT INTO iu_tree_path (unit_id, parent_unit_id, section_level)
  SELECT k.unit_id, k.parent_unit_id, k.section_level FROM iu_collection_checkpoint_piece AS k
  WHERE k.collection_id = p_collection_id AND k.checkpoint_no = p_checkpoint_no AND k.section_level IS NOT NULL
  ON CONFLICT (unit_id) DO UPDATE SET parent_unit_id = excluded.parent_unit_id, section_level = excluded.section_level
  WHERE (iu_tree_path.parent_unit_id, iu_tree_path.section_level) IS DISTINCT FROM (excluded.parent_unit_id, excluded.section_level);
  UPDATE iu_collection AS c
  SET revision = c.revision + 1, updated_at = clock_timestamp(), title = coalesce(v_checkpoint.title, c.title),
      source_digest = coalesce(v_checkpoint.source_digest, c.source_digest), source_byte_length = coalesce(v_checkpoint.source_byte_length, c.source_byte_length), base_id = v_checkpoint.base_id
  WHERE c.id = p_collection_id;
  IF fn_iu_collection_seal(p_collection_id) IS DISTINCT FROM coalesce(v_checkpoint.render_digest, sha256('')) THEN
    RAISE EXCEPTION 'round trip failed: the collection does not render to the text of checkpoint %', p_checkpoint_no USING ERRCODE = 'IU006', HINT = 'Nothing was written. Report it.';
  END IF;
  -- Emptied, it is as before its first import, which wrote nothing yet.
  IF p_checkpoint_no = 0 THEN
    PERFORM fn_iu_import_base_put(p_collection_id);
  END IF;
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_collection_return(bigint, integer) IS 'Brings a collection back to a checkpoint (0 = empty): pieces, order, separators and texts; proves it by the digest. IU001 closed gate, IU003 no such checkpoint, IU006 not the same text, IU009 a piece is retired or deleted';
REVOKE ALL ON FUNCTION iu_core.fn_iu_collection_return(bigint, integer) FROM PUBLIC;
