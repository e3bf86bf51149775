-- requires: information_unit, iu_collection, iu_collection_piece, iu_import_base, unit_version
CREATE FUNCTION iu_core.fn_iu_import_over(
  p_collection iu_core.iu_collection, p_base iu_core.iu_import_base, p_units bigint[], p_same boolean[], p_stays boolean[], p_removed bigint[])
RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  IF (p_base).revision = (p_collection).revision THEN
    RETURN '{}';
  ELSIF (p_base).id IS NULL THEN
    RETURN CASE WHEN sha256(convert_to(fn_iu_collection_render((p_collection).id), 'UTF8')) = (p_collection).source_digest THEN '{}'
      ELSE ARRAY[(p_collection).canonical_address || ' (edited; its pieces are not on record, the last import being older than this version)'] END;
  END IF;
  RETURN ARRAY(
    WITH base AS (
      SELECT b.unit_id, b.n, v.content_digest
      FROM unnest((p_base).unit_ids, (p_base).version_seqs) WITH ORDINALITY AS b(unit_id, version_seq, n) JOIN unit_version AS v ON v.unit_id = b.unit_id AND v.version_seq = b.version_seq
    ), standing AS (
      SELECT p.unit_id, p.position, v.content_digest
      FROM iu_collection_piece AS p JOIN information_unit AS u ON u.id = p.unit_id
      JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(p.pinned_version_seq, u.current_version_seq)
      WHERE p.collection_id = (p_collection).id
    ), compared AS (
      -- As it stands, and in which order among those that stood there then.
      SELECT coalesce(s.unit_id, b.unit_id) AS unit_id, s.position, b.n, s.unit_id IS NOT NULL AS stands, b.unit_id IS NOT NULL AS was_written, s.content_digest IS DISTINCT FROM b.content_digest AS differs,
             rank() OVER (PARTITION BY s.unit_id IS NOT NULL AND b.unit_id IS NOT NULL ORDER BY b.n) <> rank() OVER (PARTITION BY s.unit_id IS NOT NULL AND b.unit_id IS NOT NULL ORDER BY s.position) AS is_moved
      FROM standing AS s FULL JOIN base AS b ON b.unit_id = s.unit_id
    ), planned AS (
      SELECT unit_id, same, stays FROM unnest(p_units, p_same, p_stays) AS g(unit_id, same, stays) WHERE unit_id IS NOT NULL
      UNION ALL SELECT unit_id, false, false FROM unnest(p_removed) AS g(unit_id)
    )
    SELECT format('%s (%s)', u.canonical_address, CASE WHEN NOT c.stands THEN 'removed' WHEN NOT c.was_written THEN 'added' WHEN c.differs THEN 'edited' ELSE 'moved' END)
    FROM compared AS c JOIN planned AS p ON p.unit_id = c.unit_id JOIN information_unit AS u ON u.id = c.unit_id
    WHERE CASE WHEN NOT c.stands THEN true WHEN NOT c.was_written OR c.differs THEN NOT p.same ELSE false END OR c.stands AND c.was_written AND c.is_moved AND NOT p.stays
    ORDER BY coalesce(c.position, c.n), u.id);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_import_over(iu_core.iu_collection, iu_core.iu_import_base, bigint[], boolean[], boolean[], bigint[]) IS 'The pieces on which an import would undo what was done here since the last one: edited, added, moved or removed. Takes which unit each new piece is, whether its text and its place stay, and which units leave';
REVOKE ALL ON FUNCTION iu_core.fn_iu_import_over(iu_core.iu_collection, iu_core.iu_import_base, bigint[], boolean[], boolean[], bigint[]) FROM PUBLIC;
