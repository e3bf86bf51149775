-- unit: schema

-- requires: fn_iu_is_address
CREATE TABLE iu_core.iu_collection (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT iu_collection_pkey PRIMARY KEY,
  canonical_address text COLLATE "C" NOT NULL CONSTRAINT iu_collection_canonical_address_key UNIQUE,
  collection_kind text COLLATE "C" NOT NULL,
  title text NOT NULL,
  status text COLLATE "C" NOT NULL DEFAULT 'active',
  joiner text NOT NULL DEFAULT '',
  revision bigint NOT NULL DEFAULT 1,
  piece_count integer NOT NULL DEFAULT 0,
  byte_length bigint NOT NULL DEFAULT 0,
  next_piece_no integer NOT NULL DEFAULT 1,
  source_path text COLLATE "C" CONSTRAINT iu_collection_source_path_key UNIQUE,
  source_digest bytea,
  source_byte_length bigint,
  render_digest bytea,
  render_revision bigint,
  manifest_digest bytea,
  manifest_revision bigint,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  created_by text NOT NULL DEFAULT session_user,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT iu_collection_address_chk CHECK (iu_core.fn_iu_is_address(canonical_address)),
  CONSTRAINT iu_collection_status_chk CHECK (status IN ('active', 'deleted')),
  CONSTRAINT iu_collection_source_chk CHECK ((source_path IS NULL) = (source_digest IS NULL) AND (source_path IS NULL) = (source_byte_length IS NULL))
);
COMMENT ON TABLE iu_core.iu_collection IS 'An ordered composition of pieces';
COMMENT ON COLUMN iu_core.iu_collection.joiner IS 'the text between two pieces where the membership gives none of its own';
COMMENT ON COLUMN iu_core.iu_collection.revision IS 'raised by every change of membership, order, or a followed version';
COMMENT ON COLUMN iu_core.iu_collection.byte_length IS 'bytes of the rendered collection';
COMMENT ON COLUMN iu_core.iu_collection.next_piece_no IS 'the number in the next new piece''s address; never used twice';
COMMENT ON COLUMN iu_core.iu_collection.source_digest IS 'SHA-256 of the file as it was last imported';
COMMENT ON COLUMN iu_core.iu_collection.render_digest IS 'SHA-256 of the rendering at render_revision';
COMMENT ON COLUMN iu_core.iu_collection.manifest_digest IS 'SHA-256 of the manifest text at manifest_revision';

-- requires: iu_collection, information_unit, unit_version
-- position is a fraction, so that moving a piece writes one row whatever the collection's size.
-- The order is deferrable because a set-based reorder passes through duplicate positions.
CREATE TABLE iu_core.iu_collection_piece (
  collection_id bigint NOT NULL CONSTRAINT iu_collection_piece_collection_fkey REFERENCES iu_core.iu_collection (id),
  unit_id bigint NOT NULL CONSTRAINT iu_collection_piece_unit_fkey REFERENCES iu_core.information_unit (id),
  position numeric NOT NULL,
  pinned_version_seq integer,
  separator text,
  CONSTRAINT iu_collection_piece_pkey PRIMARY KEY (collection_id, unit_id),
  CONSTRAINT iu_collection_piece_position_key UNIQUE (collection_id, position) DEFERRABLE INITIALLY IMMEDIATE,
  CONSTRAINT iu_collection_piece_pin_fkey FOREIGN KEY (unit_id, pinned_version_seq) REFERENCES iu_core.unit_version (unit_id, version_seq)
);
CREATE INDEX iu_collection_piece_unit_idx ON iu_core.iu_collection_piece (unit_id);
COMMENT ON TABLE iu_core.iu_collection_piece IS 'Membership: a unit stands in a collection at most once';
COMMENT ON COLUMN iu_core.iu_collection_piece.position IS 'the order; any number, only its rank has a meaning';
COMMENT ON COLUMN iu_core.iu_collection_piece.pinned_version_seq IS 'null follows the unit''s current version';
COMMENT ON COLUMN iu_core.iu_collection_piece.separator IS 'the text after this piece; null takes the collection''s joiner (nothing after the last piece)';

-- Which old piece is which new one. Texts that occur once on both sides anchor a range (patience
-- diff), the ranges between anchors are aligned the same way; what is left over is a move if its text
-- stands elsewhere, a revision if an old and a new piece face each other between two anchors, and a
-- birth or a removal otherwise.
CREATE FUNCTION iu_core.fn_iu_align(p_old text[], p_new text[], p_old_kinds text[], p_new_kinds text[])
RETURNS TABLE (new_no integer, old_no integer, is_same boolean, stays boolean)
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_old integer[];                                  -- the texts as small numbers
  v_new integer[];
  v_old_count constant integer := cardinality(p_old);
  v_new_count constant integer := cardinality(p_new);
  v_old_map integer[] := array_fill(NULL::integer, ARRAY[greatest(v_old_count, 1)]);   -- the new number of each old one
  v_new_map integer[] := array_fill(NULL::integer, ARRAY[greatest(v_new_count, 1)]);   -- the old number of each new one
  v_stack integer[] := ARRAY[1, v_old_count, 1, v_new_count];
  v_top integer := 4;
  v_budget bigint := 50 * (v_old_count + v_new_count + 1)::bigint;   -- pieces to look at before settling for less
  v_old_from integer;
  v_old_to integer;
  v_new_from integer;
  v_new_to integer;
  v_anchor_old integer[];
  v_anchor_new integer[];
  v_anchored boolean[];
BEGIN
  WITH coded AS (
    SELECT side, n, dense_rank() OVER (ORDER BY t COLLATE "C")::integer AS code
    FROM (SELECT 'old' AS side, n, t FROM unnest(p_old) WITH ORDINALITY AS o(t, n)
          UNION ALL SELECT 'new', n, t FROM unnest(p_new) WITH ORDINALITY AS o(t, n)) AS given
  )
  SELECT coalesce(array_agg(code ORDER BY n) FILTER (WHERE side = 'old'), '{}'), coalesce(array_agg(code ORDER BY n) FILTER (WHERE side = 'new'), '{}')
  INTO v_old, v_new FROM coded;

  WHILE v_top > 0 LOOP
    v_old_from := v_stack[v_top - 3]; v_old_to := v_stack[v_top - 2]; v_new_from := v_stack[v_top - 1]; v_new_to := v_stack[v_top];
    v_top := v_top - 4;
    WHILE v_old_from <= v_old_to AND v_new_from <= v_new_to AND v_old[v_old_from] = v_new[v_new_from] LOOP
      v_new_map[v_new_from] := v_old_from; v_old_map[v_old_from] := v_new_from;
      v_old_from := v_old_from + 1; v_new_from := v_new_from + 1;
    END LOOP;
    WHILE v_old_from <= v_old_to AND v_new_from <= v_new_to AND v_old[v_old_to] = v_new[v_new_to] LOOP
      v_new_map[v_new_to] := v_old_to; v_old_map[v_old_to] := v_new_to;
      v_old_to := v_old_to - 1; v_new_to := v_new_to - 1;
    END LOOP;
    CONTINUE WHEN v_old_from > v_old_to OR v_new_from > v_new_to OR v_budget < 0;
    v_budget := v_budget - (v_old_to - v_old_from) - (v_new_to - v_new_from);

    -- Unique on both sides first; where nothing is, the n-th occurrence answers to the n-th. Pairs are
    -- found by grouping, here and below: a join's plan would hang on estimates that nobody can make.
    WITH occurrence AS (
      SELECT side, no, code, row_number() OVER (PARTITION BY side, code ORDER BY no) AS nth, count(*) OVER (PARTITION BY side, code) AS times
      FROM (SELECT 'old' AS side, v_old_from + n::integer - 1 AS no, code FROM unnest(v_old[v_old_from:v_old_to]) WITH ORDINALITY AS o(code, n)
            UNION ALL SELECT 'new', v_new_from + n::integer - 1, code FROM unnest(v_new[v_new_from:v_new_to]) WITH ORDINALITY AS w(code, n)) AS ranged
    ), matched AS (
      SELECT min(no) FILTER (WHERE side = 'old') AS o_no, min(no) FILTER (WHERE side = 'new') AS n_no,
             bool_and(times = 1) AS is_unique, bool_or(bool_and(times = 1)) OVER () AS some_unique
      FROM occurrence GROUP BY code, nth HAVING count(*) = 2
    )
    SELECT array_agg(o_no ORDER BY n_no), array_agg(n_no ORDER BY n_no) INTO v_anchor_old, v_anchor_new
    FROM matched WHERE is_unique = some_unique;
    CONTINUE WHEN v_anchor_old IS NULL;

    v_anchored := fn_iu_longest_increasing(v_anchor_old);
    FOR i IN 1 .. cardinality(v_anchor_old) LOOP
      CONTINUE WHEN NOT v_anchored[i];
      v_new_map[v_anchor_new[i]] := v_anchor_old[i]; v_old_map[v_anchor_old[i]] := v_anchor_new[i];
      IF v_old_from < v_anchor_old[i] AND v_new_from < v_anchor_new[i] THEN
        v_stack[v_top + 1] := v_old_from; v_stack[v_top + 2] := v_anchor_old[i] - 1;
        v_stack[v_top + 3] := v_new_from; v_stack[v_top + 4] := v_anchor_new[i] - 1;
        v_top := v_top + 4;
      END IF;
      v_old_from := v_anchor_old[i] + 1; v_new_from := v_anchor_new[i] + 1;
    END LOOP;
    IF v_old_from <= v_old_to AND v_new_from <= v_new_to THEN
      v_stack[v_top + 1] := v_old_from; v_stack[v_top + 2] := v_old_to; v_stack[v_top + 3] := v_new_from; v_stack[v_top + 4] := v_new_to;
      v_top := v_top + 4;
    END IF;
  END LOOP;

  RETURN QUERY
  WITH piece AS (        -- gap: how many anchors stand before it
    SELECT n::integer AS o_no, NULL::integer AS n_no, code, kind, map, count(map) OVER (ORDER BY n) AS gap
    FROM unnest(v_old, p_old_kinds, v_old_map[1:v_old_count]) WITH ORDINALITY AS o(code, kind, map, n)
    UNION ALL
    SELECT NULL, n::integer, code, kind, map, count(map) OVER (ORDER BY n)
    FROM unnest(v_new, p_new_kinds, v_new_map[1:v_new_count]) WITH ORDINALITY AS w(code, kind, map, n)
  ), by_text AS (
    SELECT min(o_no) AS o_no, min(n_no) AS n_no, min(kind) AS kind, min(gap) AS gap
    FROM (SELECT *, row_number() OVER (PARTITION BY code, o_no IS NULL ORDER BY o_no, n_no) AS nth FROM piece WHERE map IS NULL) AS x
    GROUP BY code, nth
  ), by_kind AS (
    SELECT min(o_no) AS o_no, min(n_no) AS n_no, gap
    FROM (SELECT *, row_number() OVER (PARTITION BY gap, kind, o_no IS NULL ORDER BY o_no, n_no) AS nth FROM by_text WHERE o_no IS NULL OR n_no IS NULL) AS x
    GROUP BY gap, kind, nth
  ), by_place AS (
    SELECT min(o_no) AS o_no, min(n_no) AS n_no
    FROM (SELECT *, row_number() OVER (PARTITION BY gap, o_no IS NULL ORDER BY o_no, n_no) AS nth FROM by_kind WHERE o_no IS NULL OR n_no IS NULL) AS x
    GROUP BY gap, nth
  ), aligned AS (
    SELECT n::integer AS n_no, map AS o_no, true AS same FROM unnest(v_new_map) WITH ORDINALITY AS m(map, n) WHERE map IS NOT NULL
    UNION ALL SELECT n_no, o_no, true FROM by_text WHERE o_no IS NOT NULL AND n_no IS NOT NULL
    UNION ALL SELECT n_no, o_no, false FROM by_kind WHERE o_no IS NOT NULL AND n_no IS NOT NULL
    UNION ALL SELECT n_no, o_no, false FROM by_place
  ), paired AS (
    SELECT array_agg(n_no ORDER BY n_no) AS n_nos, array_agg(o_no ORDER BY n_no) AS o_nos, array_agg(same ORDER BY n_no) AS sames
    FROM aligned WHERE o_no IS NOT NULL AND n_no IS NOT NULL
  )
  SELECT p.n_no, p.o_no, p.same, p.stays FROM paired, unnest(n_nos, o_nos, sames, fn_iu_longest_increasing(coalesce(o_nos, '{}'))) AS p(n_no, o_no, same, stays)
  UNION ALL SELECT n_no, o_no, false, false FROM aligned WHERE o_no IS NULL OR n_no IS NULL;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_align(text[], text[], text[], text[]) IS 'Aligns the digests of an old and a new list of pieces: one row per piece of either. new_no null = removed, old_no null = born, is_same = text unchanged, stays = keeps its place';
REVOKE ALL ON FUNCTION iu_core.fn_iu_align(text[], text[], text[], text[]) FROM PUBLIC;

-- requires: information_unit, unit_version, iu_collection_piece
CREATE FUNCTION iu_core.fn_iu_apply_versions(p_unit_ids bigint[], p_bodies text[], p_unit_kinds text[] DEFAULT NULL, p_titles text[] DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_wrong text;
  v_written integer;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  IF p_unit_kinds IS NOT NULL THEN
    PERFORM fn_iu_classify('unit_kind', p_unit_kinds, 'unit_kind');
  END IF;
  IF cardinality(p_bodies) IS DISTINCT FROM cardinality(p_unit_ids) OR array_position(p_bodies, NULL) > 0 THEN
    RAISE EXCEPTION 'body: every version has a body' USING ERRCODE = 'IU002', COLUMN = 'body';
  END IF;
  -- Units before collections: the lock order of every writer.
  PERFORM FROM information_unit WHERE id = ANY (p_unit_ids) ORDER BY id FOR UPDATE;
  GET DIAGNOSTICS v_written = ROW_COUNT;
  IF v_written IS DISTINCT FROM cardinality(p_unit_ids) THEN
    RAISE EXCEPTION 'unit_ids: names a unit twice, or one that does not exist' USING ERRCODE = 'IU003', COLUMN = 'unit_ids';
  END IF;
  SELECT format('%s (%s)', canonical_address, lifecycle_status) INTO v_wrong
  FROM information_unit WHERE id = ANY (p_unit_ids) AND lifecycle_status IN ('retired', 'deleted') LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'unit % takes no new version', v_wrong USING ERRCODE = 'IU009', COLUMN = 'unit_ids', HINT = 'Restore it first.';
  END IF;
  WITH given AS (
    SELECT g.unit_id, g.body, coalesce(g.kind, u.unit_kind) AS kind, coalesce(g.title, u.title) AS title,
           u.current_version_seq + 1 AS version_seq, octet_length(g.body) - v.byte_length AS growth, sha256(convert_to(g.body, 'UTF8')) AS digest
    FROM unnest(p_unit_ids, p_bodies, p_unit_kinds, p_titles) AS g(unit_id, body, kind, title)
    JOIN information_unit AS u ON u.id = g.unit_id
    JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq
    WHERE v.content_digest <> sha256(convert_to(g.body, 'UTF8'))
  ), written AS (
    INSERT INTO unit_version (unit_id, version_seq, body, content_digest, byte_length)
    SELECT unit_id, version_seq, body, digest, octet_length(body) FROM given ORDER BY unit_id
    RETURNING unit_id
  ), applied AS (
    UPDATE information_unit AS u SET current_version_seq = given.version_seq, unit_kind = given.kind, title = given.title
    FROM given WHERE u.id = given.unit_id
  ), followed AS (
    SELECT fn_iu_collection_touch(p.collection_id, 0, sum(given.growth)::bigint)
    FROM given JOIN iu_collection_piece AS p ON p.unit_id = given.unit_id AND p.pinned_version_seq IS NULL
    GROUP BY p.collection_id ORDER BY p.collection_id
  )
  SELECT count(*) INTO v_written FROM written, (SELECT count(*) FROM followed) AS all_touched;
  RETURN v_written;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_apply_versions(bigint[], text[], text[], text[]) IS 'Gives each unit a new version where its body differs, and raises the revision of every collection that follows it; returns how many were written. IU001 closed gate, IU002 bad input, IU003 unknown unit, IU009 retired or deleted unit';
REVOKE ALL ON FUNCTION iu_core.fn_iu_apply_versions(bigint[], text[], text[], text[]) FROM PUBLIC;

CREATE FUNCTION iu_core.fn_iu_collection_add(p_collection_id bigint, p_unit_ids bigint[], p_positions numeric[], p_separators text[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_count constant integer := cardinality(p_unit_ids);
  v_address text;
  v_joiner text;
  v_tail integer;
  v_wrong text;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  IF v_count IS NULL OR (cardinality(p_positions), cardinality(p_separators)) IS DISTINCT FROM (v_count, v_count)
     OR array_position(p_unit_ids, NULL) > 0 OR array_position(p_positions, NULL) > 0 THEN
    RAISE EXCEPTION 'unit_ids, positions and separators must be arrays of one length, each unit with its position' USING ERRCODE = 'IU002', COLUMN = 'unit_ids';
  END IF;
  -- Units before collections: the lock order of every writer. A unit that is being revised is waited for, so that its new version counts.
  PERFORM FROM information_unit WHERE id = ANY (p_unit_ids) ORDER BY id FOR KEY SHARE;
  SELECT canonical_address, joiner INTO v_address, v_joiner FROM iu_collection WHERE id = p_collection_id FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'collection: no collection has the id %', p_collection_id USING ERRCODE = 'IU003', COLUMN = 'collection_id';
  END IF;
  SELECT format('%s (%s)', u.canonical_address, u.lifecycle_status) INTO v_wrong
  FROM information_unit AS u WHERE u.id = ANY (p_unit_ids) AND u.lifecycle_status IN ('retired', 'deleted') LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'unit % cannot be added anywhere', v_wrong USING ERRCODE = 'IU009', COLUMN = 'unit_ids', HINT = 'Restore it first, or add another.';
  END IF;
  v_tail := fn_iu_collection_tail(p_collection_id);
  BEGIN
    INSERT INTO iu_collection_piece (collection_id, unit_id, position, separator)
    SELECT p_collection_id, unit_id, position, separator FROM unnest(p_unit_ids, p_positions, p_separators) AS g(unit_id, position, separator);
  EXCEPTION
    WHEN unique_violation THEN
      RAISE EXCEPTION 'a unit stands in a collection at most once, and a position holds one piece' USING ERRCODE = 'IU004', COLUMN = 'unit_ids';
    WHEN foreign_key_violation THEN
      RAISE EXCEPTION 'unit_ids: names a unit that does not exist' USING ERRCODE = 'IU003', COLUMN = 'unit_ids';
  END;
  PERFORM fn_iu_collection_touch(p_collection_id, v_count,
    sum(v.byte_length + octet_length(coalesce(g.separator, v_joiner)))::bigint + v_tail - fn_iu_collection_tail(p_collection_id))
  FROM unnest(p_unit_ids, p_separators) AS g(unit_id, separator)
  JOIN information_unit AS u ON u.id = g.unit_id
  JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq
  HAVING count(*) > 0;
  PERFORM fn_iu_outbox_append('piece_added_to_collection', 'iu_collection', array_agg(v_address ORDER BY g.n),
    array_agg(jsonb_build_object('collection_address', v_address, 'unit_id', u.id, 'unit_address', u.canonical_address, 'position', g.position) ORDER BY g.n))
  FROM unnest(p_unit_ids, p_positions) WITH ORDINALITY AS g(unit_id, position, n) JOIN information_unit AS u ON u.id = g.unit_id
  HAVING count(*) > 0;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_collection_add(bigint, bigint[], numeric[], text[]) IS 'Puts units into a collection at the given positions, in one set; IU001 closed gate, IU002 bad input, IU003 unknown, IU004 already there, IU009 retired or deleted unit';
REVOKE ALL ON FUNCTION iu_core.fn_iu_collection_add(bigint, bigint[], numeric[], text[]) FROM PUBLIC;

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

CREATE FUNCTION iu_core.fn_iu_collection_remove(p_collection_id bigint, p_unit_ids bigint[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_address text;
  v_joiner text;
  v_tail integer;
  v_removed integer;
  v_bytes bigint;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  -- Units before collections: the lock order of every writer. What is subtracted below cannot change meanwhile.
  PERFORM FROM information_unit WHERE id = ANY (p_unit_ids) ORDER BY id FOR KEY SHARE;
  SELECT canonical_address, joiner INTO v_address, v_joiner FROM iu_collection WHERE id = p_collection_id FOR NO KEY UPDATE;
  v_tail := fn_iu_collection_tail(p_collection_id);
  WITH removed AS (
    DELETE FROM iu_collection_piece WHERE collection_id = p_collection_id AND unit_id = ANY (p_unit_ids)
    RETURNING unit_id, pinned_version_seq, separator
  )
  SELECT count(*), sum(v.byte_length + octet_length(coalesce(r.separator, v_joiner))) INTO v_removed, v_bytes
  FROM removed AS r
  JOIN information_unit AS u ON u.id = r.unit_id
  JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(r.pinned_version_seq, u.current_version_seq);
  IF v_removed IS DISTINCT FROM cardinality(p_unit_ids) THEN
    RAISE EXCEPTION 'unit_ids: names a unit that does not stand in the collection' USING ERRCODE = 'IU003', COLUMN = 'unit_ids';
  END IF;
  IF v_removed > 0 THEN
    PERFORM fn_iu_collection_touch(p_collection_id, -v_removed, v_tail - fn_iu_collection_tail(p_collection_id) - v_bytes);
  END IF;
  PERFORM fn_iu_outbox_append('piece_removed_from_collection', 'iu_collection', array_agg(v_address ORDER BY g.n),
    array_agg(jsonb_build_object('collection_address', v_address, 'unit_id', u.id, 'unit_address', u.canonical_address) ORDER BY g.n))
  FROM unnest(p_unit_ids) WITH ORDINALITY AS g(unit_id, n) JOIN information_unit AS u ON u.id = g.unit_id
  HAVING count(*) > 0;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_collection_remove(bigint, bigint[]) IS 'Takes units out of a collection, in one set; the units live on. IU001 closed gate, IU003 not in the collection';
REVOKE ALL ON FUNCTION iu_core.fn_iu_collection_remove(bigint, bigint[]) FROM PUBLIC;

-- requires: iu_collection, iu_collection_piece, information_unit, unit_version
CREATE FUNCTION iu_core.fn_iu_collection_render(p_collection_id bigint)
RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT coalesce(string_agg(body || separator, '' ORDER BY position), '')
  FROM (
    SELECT v.body, p.position,
           coalesce(p.separator, CASE WHEN lead(p.unit_id) OVER (ORDER BY p.position) IS NULL THEN '' ELSE c.joiner END) AS separator
    FROM iu_collection AS c
    JOIN iu_collection_piece AS p ON p.collection_id = c.id
    JOIN information_unit AS u ON u.id = p.unit_id
    JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(p.pinned_version_seq, u.current_version_seq)
    WHERE c.id = p_collection_id
  ) AS pieces
$$;
COMMENT ON FUNCTION iu_core.fn_iu_collection_render(bigint) IS 'The whole text of a collection: each piece''s body and what separates it from the next';
REVOKE ALL ON FUNCTION iu_core.fn_iu_collection_render(bigint) FROM PUBLIC;

CREATE FUNCTION iu_core.fn_iu_collection_reorder(p_collection_id bigint, p_unit_ids bigint[], p_positions numeric[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_address text;
  v_tail integer;
  v_moved integer;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  IF cardinality(p_positions) IS DISTINCT FROM cardinality(p_unit_ids) OR array_position(p_positions, NULL) > 0 THEN
    RAISE EXCEPTION 'unit_ids and positions must be arrays of one length, each unit with its position' USING ERRCODE = 'IU002', COLUMN = 'positions';
  END IF;
  SELECT canonical_address INTO v_address FROM iu_collection WHERE id = p_collection_id FOR NO KEY UPDATE;
  v_tail := fn_iu_collection_tail(p_collection_id);
  BEGIN
    UPDATE iu_collection_piece AS p SET position = g.position
    FROM unnest(p_unit_ids, p_positions) AS g(unit_id, position)
    WHERE p.collection_id = p_collection_id AND p.unit_id = g.unit_id;
  EXCEPTION WHEN unique_violation THEN
    RAISE EXCEPTION 'positions: a position holds one piece' USING ERRCODE = 'IU004', COLUMN = 'positions';
  END;
  GET DIAGNOSTICS v_moved = ROW_COUNT;
  IF v_moved IS DISTINCT FROM cardinality(p_unit_ids) THEN
    RAISE EXCEPTION 'unit_ids: names a unit that does not stand in the collection' USING ERRCODE = 'IU003', COLUMN = 'unit_ids';
  END IF;
  IF v_moved > 0 THEN
    PERFORM fn_iu_collection_touch(p_collection_id, 0, v_tail - fn_iu_collection_tail(p_collection_id));
  END IF;
  PERFORM fn_iu_outbox_append('piece_reordered', 'iu_collection', array_agg(v_address ORDER BY g.n),
    array_agg(jsonb_build_object('collection_address', v_address, 'unit_id', u.id, 'unit_address', u.canonical_address, 'position', g.position) ORDER BY g.n))
  FROM unnest(p_unit_ids, p_positions) WITH ORDINALITY AS g(unit_id, position, n) JOIN information_unit AS u ON u.id = g.unit_id
  HAVING count(*) > 0;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_collection_reorder(bigint, bigint[], numeric[]) IS 'Moves pieces to new positions, in one set; IU001 closed gate, IU002 bad input, IU003 not in the collection, IU004 position taken';
REVOKE ALL ON FUNCTION iu_core.fn_iu_collection_reorder(bigint, bigint[], numeric[]) FROM PUBLIC;

CREATE FUNCTION iu_core.fn_iu_collection_seal(p_collection_id bigint)
RETURNS bytea
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_rendered bytea := convert_to(fn_iu_collection_render(p_collection_id), 'UTF8');
  v_digest constant bytea := sha256(v_rendered);
  v_row iu_collection;
BEGIN
  UPDATE iu_collection
  SET render_digest = v_digest, render_revision = revision, byte_length = octet_length(v_rendered),
      manifest_digest = sha256(convert_to(fn_iu_collection_manifest_text(id), 'UTF8')), manifest_revision = revision
  WHERE id = p_collection_id
  RETURNING * INTO STRICT v_row;
  PERFORM fn_iu_outbox_append('collection_rendered', 'iu_collection', ARRAY[v_row.canonical_address],
    ARRAY[jsonb_build_object('collection_address', v_row.canonical_address, 'revision', v_row.revision, 'byte_length', v_row.byte_length,
                             'render_digest', encode(v_digest, 'hex'), 'manifest_digest', encode(v_row.manifest_digest, 'hex'))]);
  RETURN v_digest;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_collection_seal(bigint) IS 'Renders a collection, keeps the digests of the rendering and of the manifest with the revision, emits collection_rendered; returns the rendering''s SHA-256';
REVOKE ALL ON FUNCTION iu_core.fn_iu_collection_seal(bigint) FROM PUBLIC;

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

-- requires: iu_collection
CREATE FUNCTION iu_core.fn_iu_compose(
  p_canonical_address text, p_collection_kind text, p_title text, p_unit_ids bigint[],
  p_joiner text DEFAULT '', p_separators text[] DEFAULT NULL, p_source_path text DEFAULT NULL, p_source_digest bytea DEFAULT NULL, p_source_byte_length bigint DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_id bigint;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  PERFORM fn_iu_classify('collection_kind', ARRAY[p_collection_kind], 'collection_kind');
  IF fn_iu_is_address(p_canonical_address) IS NOT TRUE THEN
    RAISE EXCEPTION 'canonical_address: "%" is not an address', left(p_canonical_address, 200)
      USING ERRCODE = 'IU002', COLUMN = 'canonical_address',
            HINT = 'Use lower-case segments of a-z 0-9 _ - joined by . and /, at most 512 bytes.';
  END IF;
  INSERT INTO iu_collection (canonical_address, collection_kind, title, joiner, source_path, source_digest, source_byte_length)
  VALUES (p_canonical_address, p_collection_kind, coalesce(p_title, ''), coalesce(p_joiner, ''), p_source_path, p_source_digest, p_source_byte_length)
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
    PERFORM fn_iu_collection_add(v_id, p_unit_ids, fn_iu_positions_between(NULL, NULL, cardinality(p_unit_ids)),
                                 coalesce(p_separators, array_fill(NULL::text, ARRAY[cardinality(p_unit_ids)])));
  END IF;
  RETURN v_id;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_compose(text, text, text, bigint[], text, text[], text, bytea, bigint) IS 'Composes a new collection of units in the given order, returns its id; IU001 closed gate, IU002 bad input, IU004 address taken, and the refusals of fn_iu_collection_add';
REVOKE ALL ON FUNCTION iu_core.fn_iu_compose(text, text, text, bigint[], text, text[], text, bytea, bigint) FROM PUBLIC;

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

  -- Imports of one source take turns; the unchanged one writes nothing at all.
  PERFORM pg_advisory_xact_lock(hashtextextended('iu_core.import ' || p_source_path, 0));
  SELECT * INTO v_collection FROM iu_collection AS c WHERE c.source_path = p_source_path;
  IF FOUND AND v_collection.render_revision = v_collection.revision AND (v_collection.render_digest, v_collection.source_digest) = (v_digest, v_digest) THEN
    RETURN QUERY SELECT 'unchanged', v_collection.canonical_address, v_collection.piece_count, 0, 0, 0, 0, v_collection.byte_length, encode(v_digest, 'hex');
    RETURN;
  END IF;

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
    SELECT coalesce(array_agg(p.unit_id ORDER BY p.position), '{}'), coalesce(array_agg(p.position ORDER BY p.position), '{}'),
           coalesce(array_agg(u.unit_kind ORDER BY p.position), '{}'), coalesce(array_agg(encode(v.content_digest, 'hex') ORDER BY p.position), '{}')
    INTO v_old_units, v_old_positions, v_old_kinds, v_old_digests
    FROM iu_collection_piece AS p
    JOIN information_unit AS u ON u.id = p.unit_id
    JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(p.pinned_version_seq, u.current_version_seq)
    WHERE p.collection_id = v_collection.id;
    SELECT coalesce(array_agg(a.old_no ORDER BY a.new_no) FILTER (WHERE a.new_no IS NOT NULL), '{}'),
           coalesce(array_agg(a.is_same ORDER BY a.new_no) FILTER (WHERE a.new_no IS NOT NULL), '{}'),
           coalesce(array_agg(a.stays ORDER BY a.new_no) FILTER (WHERE a.new_no IS NOT NULL), '{}'),
           coalesce(array_agg(v_old_units[a.old_no] ORDER BY a.old_no) FILTER (WHERE a.new_no IS NULL), '{}')
    INTO v_old_nos, v_same, v_stays, v_removed
    FROM fn_iu_align(v_old_digests, ARRAY(SELECT encode(sha256(convert_to(b, 'UTF8')), 'hex') FROM unnest(v_bodies) WITH ORDINALITY AS g(b, n) ORDER BY n),
                     v_old_kinds, p_kinds) AS a;

    v_created := ARRAY(SELECT n::integer FROM unnest(v_old_nos) WITH ORDINALITY AS g(o, n) WHERE o IS NULL ORDER BY n);
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

    IF cardinality(v_removed) > 0 THEN
      PERFORM fn_iu_collection_remove(v_collection.id, v_removed);
    END IF;
    -- A revised piece that was pinned follows its source again.
    UPDATE iu_collection_piece AS p SET pinned_version_seq = NULL
    FROM unnest(v_units, v_same) AS g(unit_id, same)
    WHERE p.collection_id = v_collection.id AND p.unit_id = g.unit_id AND NOT g.same AND p.pinned_version_seq IS NOT NULL;
    SELECT fn_iu_apply_versions(array_agg(unit_id ORDER BY n), array_agg(body ORDER BY n), array_agg(kind ORDER BY n), array_agg(title ORDER BY n))
    INTO versions_created
    FROM unnest(v_old_nos, v_same, v_units, v_bodies, p_kinds, p_titles) WITH ORDINALITY AS g(o, same, unit_id, body, kind, title, n)
    WHERE o IS NOT NULL AND NOT same
    HAVING count(*) > 0;
    SELECT count(fn_iu_collection_reorder(v_collection.id, unit_ids, positions)), coalesce(max(cardinality(unit_ids)), 0)
    INTO v_run, pieces_moved
    FROM (SELECT array_agg(unit_id ORDER BY n) AS unit_ids, array_agg(position ORDER BY n) AS positions
          FROM unnest(v_old_nos, v_stays, v_units, v_positions) WITH ORDINALITY AS g(o, stay, unit_id, position, n)
          WHERE o IS NOT NULL AND NOT stay
          HAVING count(*) > 0) AS moved;
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
    pieces_created := cardinality(v_created); pieces_removed := cardinality(v_removed);
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

CREATE FUNCTION iu_core.fn_iu_longest_increasing(p_numbers integer[])
RETURNS boolean[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_count constant integer := cardinality(p_numbers);
  v_tails integer[] := array_fill(0, ARRAY[greatest(v_count, 1)]);      -- v_tails[k]: where the best run of length k ends
  v_before integer[] := array_fill(0, ARRAY[greatest(v_count, 1)]);     -- the element before it in that run
  v_in boolean[] := array_fill(false, ARRAY[greatest(v_count, 1)]);
  v_longest integer := 0;
  v_low integer;
  v_high integer;
  v_middle integer;
BEGIN
  FOR i IN 1 .. v_count LOOP
    v_low := 1;
    v_high := v_longest + 1;
    IF v_longest > 0 AND p_numbers[v_tails[v_longest]] < p_numbers[i] THEN
      v_low := v_high;                                                  -- the common case: already in order
    END IF;
    WHILE v_low < v_high LOOP
      v_middle := (v_low + v_high) / 2;
      IF v_middle <= v_longest AND p_numbers[v_tails[v_middle]] < p_numbers[i] THEN v_low := v_middle + 1; ELSE v_high := v_middle; END IF;
    END LOOP;
    v_tails[v_low] := i;
    IF v_low > 1 THEN v_before[i] := v_tails[v_low - 1]; END IF;
    v_longest := greatest(v_longest, v_low);
  END LOOP;
  v_middle := CASE WHEN v_longest > 0 THEN v_tails[v_longest] ELSE 0 END;
  WHILE v_middle > 0 LOOP
    v_in[v_middle] := true;
    v_middle := v_before[v_middle];
  END LOOP;
  RETURN v_in[1:v_count];
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_longest_increasing(integer[]) IS 'Which elements form a longest strictly increasing subsequence (patience sorting, n log n)';
REVOKE ALL ON FUNCTION iu_core.fn_iu_longest_increasing(integer[]) FROM PUBLIC;

CREATE FUNCTION iu_core.fn_iu_slug(p_text text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT btrim(regexp_replace(lower(p_text COLLATE "C"), '[^a-z0-9_]+', '-', 'g'), '-') $$;
COMMENT ON FUNCTION iu_core.fn_iu_slug(text) IS 'A text as one part of an address: a-z 0-9 _ with - for all else; may be empty';
REVOKE ALL ON FUNCTION iu_core.fn_iu_slug(text) FROM PUBLIC;

-- requires: fn_iu_slug
CREATE FUNCTION iu_core.fn_iu_piece_address(p_collection_address text, p_piece_no integer, p_title text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT p_collection_address || '/' || lpad(p_piece_no::text, greatest(4, length(p_piece_no::text)), '0')
      || coalesce('-' || nullif(btrim(left(fn_iu_slug(left(p_title, 200)), 40), '-'), ''), '')
$$;
COMMENT ON FUNCTION iu_core.fn_iu_piece_address(text, integer, text) IS 'The address of a piece at its birth: the collection''s, a number never used twice in it, and the title''s first words';
REVOKE ALL ON FUNCTION iu_core.fn_iu_piece_address(text, integer, text) FROM PUBLIC;

CREATE FUNCTION iu_core.fn_iu_positions_between(p_after numeric, p_before numeric, p_count integer)
RETURNS numeric[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_scale integer := greatest(scale(p_after), scale(p_before));
  v_room numeric;       -- the gap, in units of the last decimal
  v_step numeric;
  v_first numeric;
BEGIN
  IF p_after >= p_before THEN
    RAISE EXCEPTION 'position: % is not before %', p_after, p_before USING ERRCODE = 'IU002', COLUMN = 'position';
  ELSIF p_before IS NULL THEN
    RETURN ARRAY(SELECT trunc(coalesce(p_after, 0)) + i FROM generate_series(1, p_count) AS i);
  ELSIF p_after IS NULL THEN
    RETURN ARRAY(SELECT ceil(p_before) - i FROM generate_series(p_count, 1, -1) AS i);
  END IF;
  v_room := trunc((p_before - p_after) * ('1e' || v_scale)::numeric);
  WHILE v_room <= p_count LOOP
    v_scale := v_scale + 4;
    v_room := v_room * 10000;
  END LOOP;
  -- The neighbour with more decimals is the younger one. The new ones stand close to it, where the next
  -- ones will go as well: so four more decimals last for a thousand insertions at one place.
  v_step := least(10, div(v_room, p_count + 1));
  v_first := CASE sign(scale(p_after) - scale(p_before))
    WHEN 1 THEN v_step
    WHEN -1 THEN v_room - p_count * v_step
    ELSE div(v_room - (p_count - 1) * v_step, 2) END;
  RETURN ARRAY(SELECT p_after + (v_first + (i - 1) * v_step) * ('1e-' || v_scale)::numeric FROM generate_series(1, p_count) AS i);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_positions_between(numeric, numeric, integer) IS 'p_count increasing positions strictly between two others; null means the open end';
REVOKE ALL ON FUNCTION iu_core.fn_iu_positions_between(numeric, numeric, integer) FROM PUBLIC;

-- requires: fn_iu_slug
CREATE FUNCTION iu_core.fn_iu_source_address(p_source_path text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH segment AS (
    SELECT n, (SELECT string_agg(s, '.' ORDER BY k) FILTER (WHERE s <> '')
               FROM unnest(string_to_array(given, '.')) WITH ORDINALITY AS d(part, k), fn_iu_slug(part) AS s) AS slug
    FROM unnest(string_to_array(p_source_path, '/')) WITH ORDINALITY AS g(given, n)
  ), joined AS (
    SELECT rtrim(left(coalesce(string_agg(slug, '/' ORDER BY n) FILTER (WHERE slug <> ''), 'file'), 400), './') AS address FROM segment
  )
  -- Whatever the slug loses (case included) the hash keeps: two sources never meet on one address by slugging.
  SELECT CASE WHEN address = p_source_path THEN address
              ELSE address || '-' || left(encode(sha256(convert_to(p_source_path, 'UTF8')), 'hex'), 8) END
  FROM joined
$$;
COMMENT ON FUNCTION iu_core.fn_iu_source_address(text) IS 'The canonical address of an imported file: its path as a slug, with 8 hex digits of the path''s SHA-256 where the slug lost something';
REVOKE ALL ON FUNCTION iu_core.fn_iu_source_address(text) FROM PUBLIC;

CREATE FUNCTION iu_core.fn_iu_tree_place(p_unit_ids bigint[], p_section_levels smallint[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_open bigint[] := array_fill(NULL::bigint, ARRAY[6]);   -- the heading that is open on each level
  v_parents bigint[] := array_fill(NULL::bigint, ARRAY[greatest(cardinality(p_unit_ids), 1)]);
  v_level integer;
BEGIN
  FOR i IN 1 .. cardinality(p_unit_ids) LOOP
    v_level := p_section_levels[i];
    FOR above IN REVERSE (CASE v_level WHEN 0 THEN 6 ELSE v_level - 1 END) .. 1 LOOP
      v_parents[i] := v_open[above];
      EXIT WHEN v_parents[i] IS NOT NULL;
    END LOOP;
    IF v_level > 0 THEN
      v_open[v_level] := p_unit_ids[i];
      FOR below IN v_level + 1 .. 6 LOOP v_open[below] := NULL; END LOOP;
    END IF;
  END LOOP;
  -- What stands right is not even locked.
  INSERT INTO iu_tree_path (unit_id, parent_unit_id, section_level)
  SELECT unit_id, parent_id, level FROM unnest(p_unit_ids, v_parents, p_section_levels) AS g(unit_id, parent_id, level)
  WHERE unit_id IS NOT NULL
    AND NOT EXISTS (SELECT FROM iu_tree_path AS t WHERE t.unit_id = g.unit_id AND (t.parent_unit_id, t.section_level) IS NOT DISTINCT FROM (g.parent_id, g.level))
  ON CONFLICT (unit_id) DO UPDATE SET parent_unit_id = excluded.parent_unit_id, section_level = excluded.section_level;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_tree_place(bigint[], smallint[]) IS 'Places units, given in document order with their heading level (0 = no heading), under the heading whose section they stand in; writes only what differs';
REVOKE ALL ON FUNCTION iu_core.fn_iu_tree_place(bigint[], smallint[]) FROM PUBLIC;

-- requires: iu_collection, iu_collection_piece, information_unit, unit_version
CREATE VIEW iu_core.v_iu_collection_health AS
SELECT c.id AS collection_id, c.canonical_address,
       p.pieces = c.piece_count AND p.bytes = c.byte_length AND p.missing_body = 0 AND p.retired_inside = 0 AND c.render_revision IS NOT DISTINCT FROM c.revision
         AND (c.source_digest IS NULL OR c.render_digest = c.source_digest) AS healthy,
       p.pieces, c.piece_count AS pieces_counted, p.bytes, c.byte_length AS bytes_counted, p.missing_body, p.retired_inside,
       c.render_revision IS DISTINCT FROM c.revision AS render_stale,
       c.source_digest IS NOT NULL AND c.render_digest IS DISTINCT FROM c.source_digest AS differs_from_source
FROM iu_core.iu_collection AS c
CROSS JOIN LATERAL (
  SELECT count(*)::integer AS pieces,
         coalesce(sum(v.byte_length + octet_length(coalesce(p.separator, CASE WHEN p.followed THEN c.joiner ELSE '' END))), 0)::bigint AS bytes,
         count(*) FILTER (WHERE v.unit_id IS NULL)::integer AS missing_body,
         count(*) FILTER (WHERE u.lifecycle_status IN ('retired', 'deleted'))::integer AS retired_inside
  FROM (SELECT *, lead(unit_id) OVER (ORDER BY position) IS NOT NULL AS followed FROM iu_core.iu_collection_piece WHERE collection_id = c.id) AS p
  JOIN iu_core.information_unit AS u ON u.id = p.unit_id
  LEFT JOIN iu_core.unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(p.pinned_version_seq, u.current_version_seq)
) AS p
WHERE c.status = 'active';
COMMENT ON VIEW iu_core.v_iu_collection_health IS 'Each collection counted anew from its rows: pieces and bytes, missing bodies, retired pieces inside, stale or differing rendering';
GRANT SELECT ON iu_core.v_iu_collection_health TO iu_reader;

-- requires: iu_collection
CREATE VIEW iu_core.v_iu_collection_manifest AS
SELECT id AS collection_id, canonical_address, collection_kind, title, status, source_path, revision, piece_count, byte_length,
       encode(manifest_digest, 'hex') AS manifest_digest, manifest_revision, manifest_revision IS NOT DISTINCT FROM revision AS manifest_current,
       encode(render_digest, 'hex') AS render_digest, render_revision,
       encode(source_digest, 'hex') AS source_digest, source_byte_length,
       CASE WHEN source_digest IS NULL THEN 'no_source'
            WHEN render_revision IS DISTINCT FROM revision THEN 'stale'
            WHEN render_digest = source_digest THEN 'identical'
            ELSE 'differs' END AS round_trip,
       created_at, created_by, updated_at
FROM iu_core.iu_collection
WHERE status = 'active';
COMMENT ON VIEW iu_core.v_iu_collection_manifest IS 'One row a collection: counts, digests, and whether its rendering is the file it was cut from';
GRANT SELECT ON iu_core.v_iu_collection_manifest TO iu_reader;

-- requires: iu_collection, iu_collection_piece, information_unit, unit_version, iu_tree_path
CREATE VIEW iu_core.v_iu_collection_piece AS
SELECT p.collection_id, c.canonical_address AS collection_address, p.position, u.id AS unit_id, u.canonical_address AS unit_address,
       u.unit_kind, u.lifecycle_status, u.title, coalesce(t.section_level, 0)::integer AS section_level,
       -- How many sections stand around it, by the levels of their headings.
       CASE WHEN t.section_level > 0 THEN t.section_level - 1 ELSE coalesce(s.section_level, 0) END::integer AS depth,
       v.version_seq, p.pinned_version_seq IS NOT NULL AS pinned, encode(v.content_digest, 'hex') AS content_digest, v.byte_length,
       CASE WHEN p.separator IS NOT NULL THEN p.separator
            WHEN EXISTS (SELECT FROM iu_core.iu_collection_piece AS n WHERE n.collection_id = p.collection_id AND n.position > p.position) THEN c.joiner
            ELSE '' END AS separator,
       v.body,
       (SELECT count(*) FROM iu_core.iu_collection_piece AS o WHERE o.unit_id = p.unit_id)::integer AS used_in
FROM iu_core.iu_collection_piece AS p
JOIN iu_core.iu_collection AS c ON c.id = p.collection_id
JOIN iu_core.information_unit AS u ON u.id = p.unit_id
JOIN iu_core.unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(p.pinned_version_seq, u.current_version_seq)
LEFT JOIN iu_core.iu_tree_path AS t ON t.unit_id = u.id
LEFT JOIN iu_core.iu_tree_path AS s ON s.unit_id = t.parent_unit_id
WHERE c.status = 'active';
COMMENT ON VIEW iu_core.v_iu_collection_piece IS 'The rows of a manifest; order by position within one collection. body || separator, in order, is the rendering';
GRANT SELECT ON iu_core.v_iu_collection_piece TO iu_reader;
