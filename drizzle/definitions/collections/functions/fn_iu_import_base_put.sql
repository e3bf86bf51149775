-- requires: information_unit, iu_collection, iu_collection_piece, iu_import_base
CREATE FUNCTION iu_core.fn_iu_import_base_put(p_collection_id bigint)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH base AS (
    INSERT INTO iu_import_base (collection_id, revision, unit_ids, version_seqs)
    SELECT c.id, c.revision, coalesce(array_agg(p.unit_id ORDER BY p.position) FILTER (WHERE p.unit_id IS NOT NULL), '{}'),
           coalesce(array_agg(coalesce(p.pinned_version_seq, u.current_version_seq) ORDER BY p.position) FILTER (WHERE p.unit_id IS NOT NULL), '{}')
    FROM iu_collection AS c LEFT JOIN iu_collection_piece AS p ON p.collection_id = c.id LEFT JOIN information_unit AS u ON u.id = p.unit_id
    WHERE c.id = p_collection_id
    GROUP BY c.id
    RETURNING id, collection_id
  )
  UPDATE iu_collection AS c SET base_id = base.id FROM base WHERE c.id = base.collection_id
$$;
COMMENT ON FUNCTION iu_core.fn_iu_import_base_put(bigint) IS 'Keeps a collection as it stands as what its last import wrote';
REVOKE ALL ON FUNCTION iu_core.fn_iu_import_base_put(bigint) FROM PUBLIC;
