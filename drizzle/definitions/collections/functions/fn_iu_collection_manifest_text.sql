-- requires: iu_collection, iu_collection_piece, information_unit, unit_version
CREATE FUNCTION iu_core.fn_iu_collection_manifest_text(p_collection_id bigint)
RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT 'iu-manifest 1' || chr(10)
      || (SELECT concat_ws(chr(9), 'collection', canonical_address, collection_kind, to_json(joiner)) FROM iu_collection WHERE id = p_collection_id) || chr(10)
      || coalesce(string_agg(line, '' ORDER BY position), '')
  FROM (
    SELECT p.position,
           concat_ws(chr(9), row_number() OVER (ORDER BY p.position), u.canonical_address, u.unit_kind, v.version_seq,
                     encode(v.content_digest, 'hex'), v.byte_length, coalesce(to_json(p.separator)::text, '-')) || chr(10) AS line
    FROM iu_collection_piece AS p
    JOIN information_unit AS u ON u.id = p.unit_id
    JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(p.pinned_version_seq, u.current_version_seq)
    WHERE p.collection_id = p_collection_id
  ) AS pieces
$$;
COMMENT ON FUNCTION iu_core.fn_iu_collection_manifest_text(bigint) IS 'The manifest as text, one tab-separated line a piece: number, address, kind, version, SHA-256, bytes, separator as JSON (- = the joiner). Its SHA-256 is the manifest digest';
REVOKE ALL ON FUNCTION iu_core.fn_iu_collection_manifest_text(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_collection_manifest_text(bigint) TO iu_worker;
