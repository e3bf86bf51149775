-- requires: information_unit, iu_collection, iu_collection_piece
CREATE FUNCTION iu_core.fn_dot_seams(p_collection iu_core.iu_collection, p_changes jsonb, p_unit_id bigint, p_with_unit boolean, OUT objects jsonb, OUT own jsonb, OUT before jsonb)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH change AS (
    SELECT DISTINCT (c ->> 'unit')::bigint AS unit_id,
           first_value(c ->> 'before') OVER (PARTITION BY c ->> 'unit' ORDER BY n) AS was, first_value(c ->> 'after') OVER (PARTITION BY c ->> 'unit' ORDER BY n DESC) AS now
    FROM jsonb_array_elements(p_changes) WITH ORDINALITY AS g(c, n)
  ), told AS (
    SELECT u.id, u.canonical_address, was, now, jsonb_build_object('ref', format('piece:%s#%s', (p_collection).canonical_address, u.canonical_address), 'change', 'update',
           'before', jsonb_build_object('at', p.position::text, 'separator', coalesce(was, (p_collection).joiner)),
           'after', jsonb_build_object('at', p.position::text, 'separator', coalesce(now, (p_collection).joiner))) AS object
    -- One row each, found by its key: a join would be planned for many.
    FROM change CROSS JOIN LATERAL (SELECT * FROM information_unit WHERE id = change.unit_id LIMIT 1) AS u
    CROSS JOIN LATERAL (SELECT * FROM iu_collection_piece WHERE collection_id = (p_collection).id AND unit_id = change.unit_id LIMIT 1) AS p
    WHERE was IS DISTINCT FROM now
  )
  SELECT coalesce(jsonb_agg(object ORDER BY id) FILTER (WHERE id <> p_unit_id), '[]'), coalesce(jsonb_agg(object) FILTER (WHERE id = p_unit_id), '[]'),
         coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('collection', (p_collection).canonical_address, 'piece', canonical_address, 'separator', was)) ORDER BY id)
           FILTER (WHERE id <> p_unit_id OR p_with_unit), '[]')
  FROM told
$$;
COMMENT ON FUNCTION iu_core.fn_dot_seams(iu_core.iu_collection, jsonb, bigint, boolean) IS 'The separators that a change of one piece has changed: as objects of a plan, those of the other pieces and that of its own; and as they were, for the inverse';
REVOKE ALL ON FUNCTION iu_core.fn_dot_seams(iu_core.iu_collection, jsonb, bigint, boolean) FROM PUBLIC;
