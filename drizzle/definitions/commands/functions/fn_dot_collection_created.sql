-- requires: iu_collection, iu_core
CREATE FUNCTION iu_core.fn_dot_collection_created(p_collection_id bigint, p_objects jsonb)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT jsonb_build_object(
    'objects', jsonb_build_array(jsonb_build_object('ref', 'collection:' || canonical_address, 'change', 'create',
      'after', jsonb_build_object('kind', collection_kind, 'title', title, 'pieces', piece_count, 'bytes', byte_length))) || p_objects,
    'result', jsonb_build_object('collection', canonical_address, 'pieces', piece_count, 'bytes', byte_length),
    'checks', jsonb_build_array(jsonb_build_object('name', 'collection_composed', 'kind', 'collection', 'collection', canonical_address, 'pieces', piece_count, 'bytes', byte_length)),
    'irreversible', 'A birth is not undone: the collection stays. Its pieces can be removed from it.')
  FROM iu_collection WHERE id = p_collection_id
$$;
COMMENT ON FUNCTION iu_core.fn_dot_collection_created(bigint, jsonb) IS 'What the handlers that make a collection return';
REVOKE ALL ON FUNCTION iu_core.fn_dot_collection_created(bigint, jsonb) FROM PUBLIC;
