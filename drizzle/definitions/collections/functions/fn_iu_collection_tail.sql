-- requires: iu_collection, iu_collection_piece
CREATE FUNCTION iu_core.fn_iu_collection_tail(p_collection_id bigint)
RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT coalesce((
    SELECT CASE WHEN p.separator IS NULL THEN octet_length(c.joiner) ELSE 0 END
    FROM iu_collection_piece AS p JOIN iu_collection AS c ON c.id = p.collection_id
    WHERE p.collection_id = p_collection_id ORDER BY p.position DESC LIMIT 1), 0)
$$;
COMMENT ON FUNCTION iu_core.fn_iu_collection_tail(bigint) IS 'Bytes of the joiner that the last piece goes without, because nothing follows it; who changes the end of a collection takes the difference into its byte_length';
REVOKE ALL ON FUNCTION iu_core.fn_iu_collection_tail(bigint) FROM PUBLIC;
