-- requires: iu_collection, iu_collection_piece
CREATE FUNCTION iu_core.fn_iu_import_file(
  p_source_path text, p_content bytea, p_kinds text[], p_starts integer[], p_lengths integer[], p_titles text[], p_section_levels smallint[])
RETURNS TABLE (outcome text, canonical_address text, pieces integer, pieces_created integer, versions_created integer,
               pieces_removed integer, pieces_moved integer, byte_length bigint, content_digest text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  v_count constant integer := cardinality(p_starts);
  v_digest constant bytea := sha256(p_content);
  v_collection iu_collection;
  v_bodies text[];
  v_separators text[];
  v_units bigint[];           -- the unit of each new piece
  v_positions numeric[];
  v_stays boolean[];
  v_same boolean[];
  v_old_units bigint[];
  v_old_positions numeric[];
  v_old_nos integer[];
  v_removed bigint[];
  v_created integer[];        -- numbers of the new pieces that are born
  v_moved integer[];
  v_born bigint[];
  v_run integer;
  -- A file is known by its first heading, or by its name.
  v_title constant text := coalesce((SELECT t FROM unnest(p_kinds, p_titles) WITH ORDINALITY AS g(k, t, n) WHERE k = 'heading' AND t <> '' ORDER BY n LIMIT 1),
                                    regexp_replace(p_source_path, '^.*/', ''));
  v_between numeric[];
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  IF coalesce(p_source_path, '') = '' OR octet_length(p_source_path) > 2000 THEN
    RAISE EXCEPTION 'source_path: give the path that names the source, 1 to 2000 bytes' USING ERRCODE = 'IU002', COLUMN = 'source_path';
  END IF;
  IF p_content IS NULL OR v_count IS NULL
     OR (cardinality(p_kinds), cardinality(p_lengths), cardinality(p_titles), cardinality(p_section_levels)) IS DISTINCT FROM (v_count, v_count, v_count, v_count) THEN
    RAISE EXCEPTION 'kinds, starts, lengths, titles and section_levels must be arrays of one length' USING ERRCODE = 'IU002', COLUMN = 'starts';
  END IF;
  -- The cut keeps every byte: it begins at 0 and no piece reaches into the next.
  IF (v_count = 0 AND octet_length(p_content) > 0) OR EXISTS (
       SELECT FROM (SELECT n, s, l, lead(s, 1, octet_length(p_content)) OVER (ORDER BY n) AS next
                    FROM unnest(p_starts, p_lengths) WITH ORDINALITY AS g(s, l, n)) AS piece
       WHERE (n = 1 AND s <> 0) OR (l > 0 AND s + l <= next) IS NOT TRUE) THEN
    RAISE EXCEPTION 'starts: the pieces do not cover the content in order' USING ERRCODE = 'IU002', COLUMN = 'starts';
  END IF;

  -- Imports of one source take turns; the unchanged one writes nothing at all.
  PERFORM pg_advisory_xact_lock(hashtextextended('iu_core.import ' || p_source_path, 0));
  SELECT * INTO v_collection FROM iu_collection AS c WHERE c.source_path = p_source_path;
  IF FOUND AND v_collection.render_revision = v_collection.revision AND v_collection.render_digest = v_digest THEN
    RETURN QUERY SELECT 'unchanged', v_collection.canonical_address, v_collection.piece_count, 0, 0, 0, 0, v_collection.byte_length, encode(v_digest, 'hex');
    RETURN;
  END IF;

  SELECT coalesce(array_agg(convert_from(substring(p_content FROM s + 1 FOR l), 'UTF8') ORDER BY n), '{}'),
         coalesce(array_agg(convert_from(substring(p_content FROM s + l + 1 FOR next - s - l), 'UTF8') ORDER BY n), '{}')
  INTO v_bodies, v_separators
  FROM (SELECT n, s, l, lead(s, 1, octet_length(p_content)) OVER (ORDER BY n) AS next
        FROM unnest(p_starts, p_lengths) WITH ORDINALITY AS g(s, l, n)) AS piece;

  IF v_collection.id IS NULL THEN
    v_collection.canonical_address := fn_iu_source_address(p_source_path);
    v_units := fn_iu_create_batch(
      ARRAY(SELECT fn_iu_piece_address(v_collection.canonical_address, n::integer, t) FROM unnest(p_titles) WITH ORDINALITY AS g(t, n) ORDER BY n),
      p_kinds, v_bodies, p_titles, p_source_path);
    v_collection.id := fn_iu_compose(
      v_collection.canonical_address, 'file', v_title, v_units, '', v_separators, p_source_path, v_digest, octet_length(p_content));
    UPDATE iu_collection AS c SET next_piece_no = v_count + 1 WHERE c.id = v_collection.id;
    outcome := 'created'; pieces_created := v_count; versions_created := 0; pieces_removed := 0; pieces_moved := 0;
  ELSE
    SELECT * INTO STRICT v_collection FROM iu_collection AS c WHERE c.id = v_collection.id FOR UPDATE;
    WITH old AS (
      SELECT row_number() OVER (ORDER BY p.position) AS no, p.unit_id, p.position, u.unit_kind, encode(v.content_digest, 'hex') AS digest
      FROM iu_collection_piece AS p
      JOIN information_unit AS u ON u.id = p.unit_id
      JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(p.pinned_version_seq, u.current_version_seq)
      WHERE p.collection_id = v_collection.id
    ), given AS (
      SELECT coalesce(array_agg(unit_id ORDER BY no), '{}') AS units, coalesce(array_agg(position ORDER BY no), '{}') AS positions,
             coalesce(array_agg(unit_kind ORDER BY no), '{}') AS kinds, coalesce(array_agg(digest ORDER BY no), '{}') AS digests
      FROM old
    )
    SELECT given.units, given.positions,
           coalesce(array_agg(a.old_no ORDER BY a.new_no) FILTER (WHERE a.new_no IS NOT NULL), '{}'),
           coalesce(array_agg(a.is_same ORDER BY a.new_no) FILTER (WHERE a.new_no IS NOT NULL), '{}'),
           coalesce(array_agg(a.stays ORDER BY a.new_no) FILTER (WHERE a.new_no IS NOT NULL), '{}'),
           coalesce(array_agg(given.units[a.old_no] ORDER BY a.old_no) FILTER (WHERE a.new_no IS NULL AND a.old_no IS NOT NULL), '{}')
    INTO v_old_units, v_old_positions, v_old_nos, v_same, v_stays, v_removed
    FROM given
    LEFT JOIN LATERAL fn_iu_align(given.digests, ARRAY(SELECT encode(sha256(convert_to(b, 'UTF8')), 'hex') FROM unnest(v_bodies) WITH ORDINALITY AS g(b, n) ORDER BY n),
                                  given.kinds, p_kinds) AS a ON true
    GROUP BY given.units, given.positions;

    v_created := ARRAY(SELECT n::integer FROM unnest(v_old_nos) WITH ORDINALITY AS g(o, n) WHERE o IS NULL ORDER BY n);
    v_moved := ARRAY(SELECT n::integer FROM unnest(v_old_nos, v_stays) WITH ORDINALITY AS g(o, stay, n) WHERE o IS NOT NULL AND NOT stay ORDER BY n);
    v_units := ARRAY(SELECT v_old_units[o] FROM unnest(v_old_nos) WITH ORDINALITY AS g(o, n) ORDER BY n);
    v_positions := ARRAY(SELECT CASE WHEN stay THEN v_old_positions[o] END FROM unnest(v_old_nos, v_stays) WITH ORDINALITY AS g(o, stay, n) ORDER BY n);

    -- Runs of pieces without a place go between the two that stay around them.
    FOR i IN 1 .. v_count LOOP
      CONTINUE WHEN v_positions[i] IS NOT NULL;
      v_run := i;
      WHILE v_run < v_count AND v_positions[v_run + 1] IS NULL LOOP v_run := v_run + 1; END LOOP;
      v_between := fn_iu_positions_between(v_positions[i - 1], v_positions[v_run + 1], v_run - i + 1);
      FOR j IN i .. v_run LOOP v_positions[j] := v_between[j - i + 1]; END LOOP;
    END LOOP;

    IF cardinality(v_removed) > 0 THEN
      PERFORM fn_iu_collection_remove(v_collection.id, v_removed);
    END IF;
    -- A revised piece that was pinned follows its source again.
    UPDATE iu_collection_piece AS p SET pinned_version_seq = NULL
    FROM unnest(v_units, v_same) AS g(unit_id, same)
    WHERE p.collection_id = v_collection.id AND p.unit_id = g.unit_id AND NOT g.same AND p.pinned_version_seq IS NOT NULL;
    SELECT fn_iu_apply_versions(array_agg(v_units[n]), array_agg(v_bodies[n]), array_agg(p_kinds[n]), array_agg(p_titles[n]))
    INTO versions_created
    FROM unnest(v_old_nos, v_same) WITH ORDINALITY AS g(o, same, n) WHERE o IS NOT NULL AND NOT same
    HAVING count(*) > 0;
    IF cardinality(v_moved) > 0 THEN
      PERFORM fn_iu_collection_reorder(v_collection.id, ARRAY(SELECT v_units[n] FROM unnest(v_moved) AS n), ARRAY(SELECT v_positions[n] FROM unnest(v_moved) AS n));
    END IF;
    IF cardinality(v_created) > 0 THEN
      v_born := fn_iu_create_batch(
        ARRAY(SELECT fn_iu_piece_address(v_collection.canonical_address, v_collection.next_piece_no + k::integer - 1, p_titles[n]) FROM unnest(v_created) WITH ORDINALITY AS g(n, k) ORDER BY k),
        ARRAY(SELECT p_kinds[n] FROM unnest(v_created) AS n), ARRAY(SELECT v_bodies[n] FROM unnest(v_created) AS n),
        ARRAY(SELECT p_titles[n] FROM unnest(v_created) AS n), p_source_path);
      FOR k IN 1 .. cardinality(v_created) LOOP
        v_units[v_created[k]] := v_born[k];
      END LOOP;
      PERFORM fn_iu_collection_add(v_collection.id, v_born, ARRAY(SELECT v_positions[n] FROM unnest(v_created) AS n), ARRAY(SELECT v_separators[n] FROM unnest(v_created) AS n));
    END IF;
    UPDATE iu_collection_piece AS p SET separator = g.separator
    FROM unnest(v_units, v_separators) AS g(unit_id, separator)
    WHERE p.collection_id = v_collection.id AND p.unit_id = g.unit_id AND p.separator IS DISTINCT FROM g.separator;
    UPDATE iu_collection AS c
    SET revision = c.revision + 1, title = v_title, next_piece_no = c.next_piece_no + cardinality(v_created),
        source_digest = v_digest, source_byte_length = octet_length(p_content), updated_at = clock_timestamp()
    WHERE c.id = v_collection.id;
    outcome := 'updated'; versions_created := coalesce(versions_created, 0);
    pieces_created := cardinality(v_created); pieces_removed := cardinality(v_removed); pieces_moved := cardinality(v_moved);
  END IF;

  PERFORM fn_iu_tree_place(v_units, p_section_levels);
  IF fn_iu_collection_seal(v_collection.id) <> v_digest THEN
    RAISE EXCEPTION 'round trip failed: % does not render to the bytes it was cut from', p_source_path
      USING ERRCODE = 'IU006', DETAIL = format('source sha256 %s', encode(v_digest, 'hex')), HINT = 'Nothing was written. Report the file.';
  END IF;
  SELECT v_collection.canonical_address, c.piece_count, c.byte_length, encode(v_digest, 'hex')
  INTO canonical_address, pieces, byte_length, content_digest
  FROM iu_collection AS c WHERE c.id = v_collection.id;
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_import_file(text, bytea, text[], integer[], integer[], text[], smallint[]) IS 'Imports one source: the file''s bytes and its cut (byte offsets from 0, lengths; the rest between two pieces separates them). Makes the collection, or brings it to the new bytes with the fewest new versions and pieces, and proves that it renders to the same SHA-256. outcome: created, updated, unchanged (nothing written). IU001 closed gate, IU002 bad cut, IU004 address taken, IU006 round trip failed';
REVOKE ALL ON FUNCTION iu_core.fn_iu_import_file(text, bytea, text[], integer[], integer[], text[], smallint[]) FROM PUBLIC;
