-- unit: schema

-- requires: fn_iu_import_base_put, fn_iu_import_over, fn_iu_lock, iu_collection, iu_collection_piece, iu_import_base
CREATE OR REPLACE FUNCTION iu_core.fn_iu_import_file(
  p_source_path text, p_content bytea, p_kinds text[], p_starts integer[], p_lengths integer[], p_titles text[], p_section_levels smallint[])
RETURNS TABLE (outcome text, canonical_address text, pieces integer, pieces_created integer, versions_created integer,
               pieces_removed integer, pieces_moved integer, byte_length bigint, content_digest text, over_edits text[])
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
  v_old_kinds text[];
  v_old_digests text[];
  v_old_nos integer[];
  v_removed bigint[];
  v_created integer[];        -- numbers of the new pieces that are born
  v_born bigint[];
  v_born_separators text[];
  v_run integer;
  -- A file is known by its first heading of the first level, or by its name.
  v_title constant text := coalesce((SELECT t FROM unnest(p_titles, p_section_levels) WITH ORDINALITY AS g(t, l, n) WHERE l = 1 AND t <> '' ORDER BY n LIMIT 1),
                                    regexp_replace(p_source_path, '^.*/', ''));
  v_between numeric[];
  v_base iu_import_base;
  v_here boolean[];           -- whether an old piece still stands in the collection: one that was removed here is known again
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
       WHERE (n = 1 AND s <> 0) OR (l > 0 AND s::bigint + l <= next) IS NOT TRUE) THEN
    RAISE EXCEPTION 'starts: the pieces do not cover the content in order' USING ERRCODE = 'IU002', COLUMN = 'starts';
  END IF;
  IF EXISTS (SELECT FROM unnest(p_section_levels) AS l WHERE l BETWEEN 0 AND 6 IS NOT TRUE) THEN
    RAISE EXCEPTION 'section_levels: a heading has a level from 1 to 6, all else 0' USING ERRCODE = 'IU002', COLUMN = 'section_levels';
  END IF;

  -- Imports of one source take turns; the unchanged one writes nothing at all, not even that it had its turn.
  FOR v_look IN 1 .. 2 LOOP
    SELECT * INTO v_collection FROM iu_collection AS c WHERE c.source_path = p_source_path;
    IF FOUND AND v_collection.render_revision = v_collection.revision AND (v_collection.render_digest, v_collection.source_digest) = (v_digest, v_digest) THEN
      RETURN QUERY SELECT 'unchanged', v_collection.canonical_address, v_collection.piece_count, 0, 0, 0, 0, v_collection.byte_length, encode(v_digest, 'hex'), '{}'::text[];
      RETURN;
    END IF;
    IF v_look = 1 THEN
      PERFORM fn_iu_lock('iu_core.import ' || p_source_path);
    END IF;
  END LOOP;

  BEGIN
    SELECT coalesce(array_agg(convert_from(substring(p_content FROM s + 1 FOR l), 'UTF8') ORDER BY n), '{}'),
           coalesce(array_agg(convert_from(substring(p_content FROM s + l + 1 FOR next - s - l), 'UTF8') ORDER BY n), '{}')
    INTO v_bodies, v_separators
    FROM (SELECT n, s, l, lead(s, 1, octet_length(p_content)) OVER (ORDER BY n) AS next
          FROM unnest(p_starts, p_lengths) WITH ORDINALITY AS g(s, l, n)) AS piece;
  EXCEPTION WHEN character_not_in_repertoire THEN
    RAISE EXCEPTION 'content: %, or a piece that begins or ends inside a character', SQLERRM USING ERRCODE = 'IU002', COLUMN = 'content';
  END;

  IF v_collection.id IS NULL THEN
    v_collection.canonical_address := fn_iu_source_address(p_source_path);
    v_collection.id := fn_iu_compose(
      v_collection.canonical_address, 'file', v_title, '{}', '', '{}', p_source_path, v_digest, octet_length(p_content));
    v_units := fn_iu_create_batch(
      ARRAY(SELECT fn_iu_piece_address(v_collection.canonical_address, n::integer, t) FROM unnest(p_titles) WITH ORDINALITY AS g(t, n) ORDER BY n),
      p_kinds, v_bodies, p_titles, p_source_path);
    PERFORM fn_iu_collection_add(v_collection.id, v_units, fn_iu_positions_between(NULL, NULL, v_count), v_separators);
    UPDATE iu_collection AS c SET next_piece_no = v_count + 1 WHERE c.id = v_collection.id;
    outcome := 'created'; pieces_created := v_count; versions_created := 0; pieces_removed := 0; pieces_moved := 0;
  ELSE
    SELECT * INTO STRICT v_collection FROM iu_collection AS c WHERE c.id = v_collection.id FOR UPDATE;
    SELECT * INTO v_base FROM iu_import_base AS b WHERE b.id = v_collection.base_id;
    -- The pieces in their order, and those that the last import wrote and somebody has removed, where they stood.
    WITH standing AS MATERIALIZED (
      SELECT p.unit_id, p.position, coalesce(p.pinned_version_seq, u.current_version_seq) AS version_seq, u.unit_kind
      FROM iu_collection_piece AS p JOIN information_unit AS u ON u.id = p.unit_id WHERE p.collection_id = v_collection.id
    ), gone AS (
      SELECT b.unit_id, b.version_seq, b.n, max(s.position) OVER (ORDER BY b.n) AS behind, s.unit_id IS NULL AS is_gone
      FROM unnest(v_base.unit_ids, v_base.version_seqs) WITH ORDINALITY AS b(unit_id, version_seq, n) LEFT JOIN standing AS s ON s.unit_id = b.unit_id
    ), known AS (
      SELECT s.unit_id, s.position, s.version_seq, s.unit_kind, true AS here, s.position AS place, 0::bigint AS n FROM standing AS s
      UNION ALL
      SELECT g.unit_id, NULL, g.version_seq, u.unit_kind, false, coalesce(g.behind, '-infinity'), g.n FROM gone AS g JOIN information_unit AS u ON u.id = g.unit_id WHERE g.is_gone
    )
    SELECT coalesce(array_agg(k.unit_id ORDER BY k.place, k.n), '{}'), coalesce(array_agg(k.position ORDER BY k.place, k.n), '{}'), coalesce(array_agg(k.here ORDER BY k.place, k.n), '{}'),
           coalesce(array_agg(k.unit_kind ORDER BY k.place, k.n), '{}'), coalesce(array_agg(encode(v.content_digest, 'hex') ORDER BY k.place, k.n), '{}')
    INTO v_old_units, v_old_positions, v_here, v_old_kinds, v_old_digests
    FROM known AS k JOIN unit_version AS v ON v.unit_id = k.unit_id AND v.version_seq = k.version_seq;
    SELECT coalesce(array_agg(a.old_no ORDER BY a.new_no) FILTER (WHERE a.new_no IS NOT NULL), '{}'),
           coalesce(array_agg(a.is_same ORDER BY a.new_no) FILTER (WHERE a.new_no IS NOT NULL), '{}'),
           coalesce(array_agg(a.stays ORDER BY a.new_no) FILTER (WHERE a.new_no IS NOT NULL), '{}'),
           coalesce(array_agg(v_old_units[a.old_no] ORDER BY a.old_no) FILTER (WHERE a.new_no IS NULL AND v_here[a.old_no]), '{}')
    INTO v_old_nos, v_same, v_stays, v_removed
    FROM fn_iu_align(v_old_digests, ARRAY(SELECT encode(sha256(convert_to(b, 'UTF8')), 'hex') FROM unnest(v_bodies) WITH ORDINALITY AS g(b, n) ORDER BY n),
                     v_old_kinds, p_kinds) AS a;

    -- Joins, not subscripts: an element of an array of numerics or texts is found by walking to it.
    SELECT coalesce(array_agg(old.unit_id ORDER BY g.n), '{}'), coalesce(array_agg(CASE WHEN g.stay THEN old.position END ORDER BY g.n), '{}')
    INTO v_units, v_positions
    FROM unnest(v_old_nos, v_stays) WITH ORDINALITY AS g(o, stay, n)
    LEFT JOIN unnest(v_old_units, v_old_positions) WITH ORDINALITY AS old(unit_id, position, o) ON old.o = g.o;

    -- Runs of pieces without a place go between the two that stay around them.
    FOR i IN 1 .. v_count LOOP
      CONTINUE WHEN v_positions[i] IS NOT NULL;
      v_run := i;
      WHILE v_run < v_count AND v_positions[v_run + 1] IS NULL LOOP v_run := v_run + 1; END LOOP;
      v_between := fn_iu_positions_between(v_positions[i - 1], v_positions[v_run + 1], v_run - i + 1);
      FOR j IN i .. v_run LOOP v_positions[j] := v_between[j - i + 1]; END LOOP;
    END LOOP;

    over_edits := fn_iu_import_over(v_collection, v_base, v_units, v_same, v_stays, v_removed);
    -- What was removed here and has another text in the file is born anew: the piece that left may have a life elsewhere.
    IF false = ANY (v_here) THEN
      FOR i IN 1 .. v_count LOOP
        CONTINUE WHEN v_same[i] OR v_here[v_old_nos[i]] IS NOT false;
        v_old_nos[i] := NULL; v_units[i] := NULL;
      END LOOP;
    END IF;
    v_created := ARRAY(SELECT n::integer FROM unnest(v_old_nos) WITH ORDINALITY AS g(o, n) WHERE o IS NULL ORDER BY n);
    IF cardinality(v_removed) > 0 THEN
      PERFORM fn_iu_collection_remove(v_collection.id, v_removed);
    END IF;
    -- A revised piece that was pinned follows its source again.
    UPDATE iu_collection_piece AS p SET pinned_version_seq = NULL
    FROM unnest(v_units, v_same) AS g(unit_id, same)
    WHERE p.collection_id = v_collection.id AND p.unit_id = g.unit_id AND NOT g.same AND p.pinned_version_seq IS NOT NULL;
    SELECT fn_iu_apply_versions(array_agg(unit_id ORDER BY n), array_agg(body ORDER BY n), array_agg(kind ORDER BY n), array_agg(CASE WHEN u.title_is_derived THEN g.title END ORDER BY n))
    INTO versions_created
    FROM unnest(v_old_nos, v_same, v_units, v_bodies, p_kinds, p_titles) WITH ORDINALITY AS g(o, same, unit_id, body, kind, title, n)
    JOIN information_unit AS u ON u.id = g.unit_id
    WHERE o IS NOT NULL AND NOT same
    HAVING count(*) > 0;
    SELECT count(fn_iu_collection_reorder(v_collection.id, unit_ids, positions)), coalesce(max(cardinality(unit_ids)), 0)
    INTO v_run, pieces_moved
    FROM (SELECT array_agg(unit_id ORDER BY n) AS unit_ids, array_agg(position ORDER BY n) AS positions
          FROM unnest(v_old_nos, v_stays, v_units, v_positions) WITH ORDINALITY AS g(o, stay, unit_id, position, n)
          WHERE o IS NOT NULL AND NOT stay AND v_here[o]
          HAVING count(*) > 0) AS moved;
    -- What was removed here comes back as itself; where it has another text by now, it is pinned to the one that it had.
    SELECT count(fn_iu_collection_add(v_collection.id, unit_ids, positions, separators, pins)), coalesce(max(cardinality(unit_ids)), 0)
    INTO v_run, pieces_created
    FROM (SELECT array_agg(g.unit_id ORDER BY n) AS unit_ids, array_agg(g.position ORDER BY n) AS positions, array_agg(g.separator ORDER BY n) AS separators,
                 array_agg(CASE WHEN g.same AND v.content_digest <> w.content_digest THEN w.version_seq END ORDER BY n) AS pins
          FROM unnest(v_old_nos, v_same, v_units, v_positions, v_separators) WITH ORDINALITY AS g(o, same, unit_id, position, separator, n)
          JOIN information_unit AS u ON u.id = g.unit_id
          JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq
          JOIN unnest(v_base.unit_ids, v_base.version_seqs) AS b(unit_id, version_seq) ON b.unit_id = g.unit_id
          JOIN unit_version AS w ON w.unit_id = u.id AND w.version_seq = b.version_seq
          WHERE o IS NOT NULL AND NOT v_here[o]
          HAVING count(*) > 0) AS back;
    IF cardinality(v_created) > 0 THEN
      SELECT fn_iu_create_batch(array_agg(fn_iu_piece_address(v_collection.canonical_address, v_collection.next_piece_no + k::integer - 1, g.title) ORDER BY k),
                                array_agg(g.kind ORDER BY k), array_agg(g.body ORDER BY k), array_agg(g.title ORDER BY k), p_source_path),
             array_agg(g.position ORDER BY k), array_agg(g.separator ORDER BY k)
      INTO v_born, v_positions, v_born_separators
      FROM unnest(v_created) WITH ORDINALITY AS c(n, k)
      JOIN unnest(v_bodies, p_kinds, p_titles, v_positions, v_separators) WITH ORDINALITY AS g(body, kind, title, position, separator, n) ON g.n = c.n;
      FOR k IN 1 .. cardinality(v_created) LOOP
        v_units[v_created[k]] := v_born[k];
      END LOOP;
      PERFORM fn_iu_collection_add(v_collection.id, v_born, v_positions, v_born_separators);
    END IF;
    UPDATE iu_collection_piece AS p SET separator = g.separator
    FROM unnest(v_units, v_separators) AS g(unit_id, separator)
    WHERE p.collection_id = v_collection.id AND p.unit_id = g.unit_id AND p.separator IS DISTINCT FROM g.separator;
    UPDATE iu_collection AS c
    SET revision = c.revision + 1, title = v_title, next_piece_no = c.next_piece_no + cardinality(v_created),
        source_digest = v_digest, source_byte_length = octet_length(p_content), updated_at = clock_timestamp()
    WHERE c.id = v_collection.id;
    outcome := 'updated'; versions_created := coalesce(versions_created, 0);
    pieces_created := pieces_created + cardinality(v_created); pieces_removed := cardinality(v_removed);
  END IF;

  PERFORM fn_iu_tree_place(v_units, p_section_levels);
  IF fn_iu_collection_seal(v_collection.id) <> v_digest THEN
    RAISE EXCEPTION 'round trip failed: % does not render to the bytes it was cut from', p_source_path
      USING ERRCODE = 'IU006', DETAIL = format('source sha256 %s', encode(v_digest, 'hex')), HINT = 'Nothing was written. Report the file.';
  END IF;
  PERFORM fn_iu_import_base_put(v_collection.id);
  over_edits := coalesce(over_edits, '{}');
  SELECT v_collection.canonical_address, c.piece_count, c.byte_length, encode(v_digest, 'hex')
  INTO canonical_address, pieces, byte_length, content_digest
  FROM iu_collection AS c WHERE c.id = v_collection.id;
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_import_file(text, bytea, text[], integer[], integer[], text[], smallint[]) IS 'Imports one source: the file''s bytes and its cut (byte offsets from 0, lengths; the rest between two pieces separates them). Makes the collection, or brings it to the new bytes with the fewest new versions and pieces, and proves that it renders to the same SHA-256. outcome: created, updated, unchanged (nothing written). over_edits: the pieces on which work that was done here since the last import is undone by it, and how. IU001 closed gate, IU002 bad cut, IU004 address taken, IU006 round trip failed';
REVOKE ALL ON FUNCTION iu_core.fn_iu_import_file(text, bytea, text[], integer[], integer[], text[], smallint[]) FROM PUBLIC;

-- requires: dot_inventory, fn_dot_inventory_register, fn_iu_event_types_register, fn_iu_lock, iu_core
CREATE OR REPLACE FUNCTION iu_core.dot_iu_register_event_type(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_type constant text := p_params ->> 'event_type';
  v_before jsonb;
  v_after jsonb;
BEGIN
  -- Two registrations of one name take turns.
  PERFORM fn_iu_lock('iu_core.event_type ' || v_type);
  v_before := (SELECT to_jsonb(t) - 'registered_at' - 'registered_by' - 'payload_predicate' - 'payload_keys' - 'payload_fault' FROM iu_event_type AS t WHERE event_type = v_type);
  IF v_type !~ '^[a-z0-9_]+([.][a-z0-9_]+)*$' THEN
    RAISE EXCEPTION 'event_type: "%" is no name of a type', left(v_type, 80) USING ERRCODE = 'IU002', COLUMN = 'event_type', HINT = 'Use a-z 0-9 _ joined by dots.';
  END IF;
  PERFORM fn_iu_event_types_register('application', coalesce(p_params ->> 'delivery_lane', 'delayed'), false,
    jsonb_build_object(v_type, jsonb_build_object('description', p_params ->> 'description', 'payload_schema', coalesce(p_params -> 'payload_schema', '{}'))));
  v_after := (SELECT to_jsonb(t) - 'registered_at' - 'registered_by' - 'payload_predicate' - 'payload_keys' - 'payload_fault' FROM iu_event_type AS t WHERE event_type = v_type);
  -- What was made by hand exactly so is taken into the inventory, which does not have it.
  IF v_after = v_before AND EXISTS (SELECT FROM dot_inventory WHERE (class, identity) = ('event_type', v_type)) THEN
    RAISE EXCEPTION 'event_type: % is registered like that already', v_type USING ERRCODE = 'IU016', COLUMN = 'event_type';
  END IF;
  PERFORM fn_dot_inventory_register(NULL, '[]', 'event_type', v_type);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('before', v_before),
    'objects', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('ref', 'event_type:' || v_type, 'change', CASE WHEN v_before IS NULL THEN 'create' ELSE 'update' END, 'before', v_before)) || jsonb_build_object('after', v_after)),
    'result', jsonb_build_object('event_type', v_type),
    'notes', CASE WHEN EXISTS (SELECT FROM iu_outbound_route WHERE event_type = v_type) THEN '[]' ELSE jsonb_build_array('No route wants it yet: its events will be skipped as no_route.') END,
    'checks', jsonb_build_array(jsonb_build_object('name', 'event_type_is_registered', 'kind', 'event_type', 'event_type', v_type)),
    'inverse', CASE WHEN v_before IS NOT NULL THEN jsonb_build_object('command', 'dot_iu_register_event_type', 'params', v_before - 'event_domain' - 'is_system') END,
    'irreversible', CASE WHEN v_before IS NULL THEN 'A registered name stays registered: events may carry it.' END);
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_register_event_type(jsonb, jsonb) IS 'Registers an application''s event type; known under the same name it is re-described';
REVOKE ALL ON FUNCTION iu_core.dot_iu_register_event_type(jsonb, jsonb) FROM PUBLIC;
