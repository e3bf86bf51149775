-- requires: information_unit, iu_collection_piece, iu_core
CREATE FUNCTION iu_core.fn_dot_piece_facts(p_collection_id bigint, p_unit_id bigint)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT jsonb_strip_nulls(jsonb_build_object('at', p.position::text, 'pinned_version', p.pinned_version_seq, 'separator', p.separator, 'after', (
           SELECT u.canonical_address FROM iu_collection_piece AS o JOIN information_unit AS u ON u.id = o.unit_id
           WHERE o.collection_id = p_collection_id AND o.position < p.position ORDER BY o.position DESC LIMIT 1)))
  FROM iu_collection_piece AS p WHERE p.collection_id = p_collection_id AND p.unit_id = p_unit_id
$$;
COMMENT ON FUNCTION iu_core.fn_dot_piece_facts(bigint, bigint) IS 'A membership in a plan''s diff: its exact position, the piece before it, pin and separator; null when the unit does not stand there';
REVOKE ALL ON FUNCTION iu_core.fn_dot_piece_facts(bigint, bigint) FROM PUBLIC;
