-- requires: iu_collection, iu_core
CREATE FUNCTION iu_core.fn_dot_collection_object(p_before iu_core.iu_collection)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT jsonb_build_object('ref', 'collection:' || c.canonical_address, 'change', 'update',
           'before', jsonb_build_object('revision', (p_before).revision, 'pieces', (p_before).piece_count, 'bytes', (p_before).byte_length),
           'after', jsonb_build_object('revision', c.revision, 'pieces', c.piece_count, 'bytes', c.byte_length))
  FROM iu_collection AS c WHERE c.id = (p_before).id
$$;
COMMENT ON FUNCTION iu_core.fn_dot_collection_object(iu_core.iu_collection) IS 'A collection in a plan''s diff: as it was, and as it is now; only counts, never a digest over all pieces';
REVOKE ALL ON FUNCTION iu_core.fn_dot_collection_object(iu_core.iu_collection) FROM PUBLIC;
