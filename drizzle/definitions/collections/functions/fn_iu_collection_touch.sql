-- requires: iu_collection
CREATE FUNCTION iu_core.fn_iu_collection_touch(p_collection_id bigint, p_pieces integer, p_bytes bigint)
RETURNS text
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  UPDATE iu_collection
  SET revision = revision + 1, piece_count = piece_count + p_pieces, byte_length = byte_length + p_bytes, updated_at = clock_timestamp()
  WHERE id = p_collection_id
  RETURNING canonical_address
$$;
COMMENT ON FUNCTION iu_core.fn_iu_collection_touch(bigint, integer, bigint) IS 'Raises a collection''s revision and moves its counts by the given differences; returns its address. Locks the collection, so that its writers and their events stand in one order';
REVOKE ALL ON FUNCTION iu_core.fn_iu_collection_touch(bigint, integer, bigint) FROM PUBLIC;
