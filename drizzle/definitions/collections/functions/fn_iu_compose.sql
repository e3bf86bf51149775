-- requires: fn_iu_begins_text, fn_iu_collection_first, fn_iu_separator, information_unit, iu_collection, unit_version
CREATE FUNCTION iu_core.fn_iu_compose(
  p_canonical_address text, p_collection_kind text, p_title text, p_unit_ids bigint[],
  p_joiner text DEFAULT '', p_separators text[] DEFAULT NULL, p_source_path text DEFAULT NULL, p_source_digest bytea DEFAULT NULL, p_source_byte_length bigint DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_id bigint;
  v_wrong text;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  PERFORM fn_iu_classify('collection_kind', ARRAY[p_collection_kind], 'collection_kind');
  IF fn_iu_is_address(p_canonical_address) IS NOT TRUE THEN
    RAISE EXCEPTION 'canonical_address: "%" is not an address', left(p_canonical_address, 200)
      USING ERRCODE = 'IU002', COLUMN = 'canonical_address',
            HINT = 'Use lower-case segments of a-z 0-9 _ - joined by . and /, at most 512 bytes.';
  END IF;
  INSERT INTO iu_collection (canonical_address, collection_kind, title, joiner, source_path, source_digest, source_byte_length, created_by)
  VALUES (p_canonical_address, p_collection_kind, coalesce(p_title, ''), coalesce(p_joiner, ''), p_source_path, p_source_digest, p_source_byte_length, fn_iu_actor())
  ON CONFLICT (canonical_address) DO NOTHING
  RETURNING id INTO v_id;
  IF v_id IS NULL THEN
    RAISE EXCEPTION 'canonical_address: % is taken%', p_canonical_address,
        coalesce((SELECT format(' by the source %s', source_path) FROM iu_collection WHERE canonical_address = p_canonical_address AND source_path IS NOT NULL), '')
      USING ERRCODE = 'IU004', COLUMN = 'canonical_address', HINT = 'Import under another prefix (--into), or rename the file.';
  END IF;
  PERFORM fn_iu_outbox_append('collection_created', 'iu_collection', ARRAY[p_canonical_address],
    ARRAY[jsonb_build_object('collection_id', v_id, 'collection_address', p_canonical_address, 'collection_kind', p_collection_kind, 'title', coalesce(p_title, ''))]);
  IF cardinality(p_unit_ids) > 0 THEN
    -- The joiner, but where it does not keep two neighbours apart.
    PERFORM fn_iu_collection_add(v_id, p_unit_ids, fn_iu_positions_between(NULL, NULL, cardinality(p_unit_ids)), coalesce(p_separators, (
      SELECT array_agg(CASE WHEN following IS NOT NULL THEN fn_iu_separator(body, unit_kind, following, ARRAY[NULL], coalesce(p_joiner, ''), fn_iu_line_end(p_joiner, body, following)) END ORDER BY n)
      FROM (SELECT g.n, u.unit_kind, v.body, lead(v.body) OVER (ORDER BY g.n) AS following
            FROM unnest(p_unit_ids) WITH ORDINALITY AS g(unit_id, n)
            LEFT JOIN information_unit AS u ON u.id = g.unit_id LEFT JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq) AS piece)));
    SELECT u.canonical_address INTO v_wrong FROM unnest(p_unit_ids) WITH ORDINALITY AS g(unit_id, n) JOIN information_unit AS u ON u.id = g.unit_id
    WHERE g.n > 1 AND fn_iu_begins_text(u.id) ORDER BY g.n LIMIT 1;
    IF FOUND THEN
      RAISE EXCEPTION 'unit_ids: % is front matter or begins with a byte-order mark, and is read as that at the beginning of a text only', v_wrong
        USING ERRCODE = 'IU002', COLUMN = 'unit_ids', HINT = format('Let %s stand first.', v_wrong);
    END IF;
    PERFORM fn_iu_collection_first(v_id, NULL);
  END IF;
  RETURN v_id;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_compose(text, text, text, bigint[], text, text[], text, bytea, bigint) IS 'Composes a new collection of units in the given order, returns its id; IU001 closed gate, IU002 bad input, IU004 address taken, and the refusals of fn_iu_collection_add';
REVOKE ALL ON FUNCTION iu_core.fn_iu_compose(text, text, text, bigint[], text, text[], text, bytea, bigint) FROM PUBLIC;
