-- unit: schema

ALTER TABLE iu_core.information_unit ADD COLUMN title_is_derived boolean NOT NULL DEFAULT false;
-- The titles of what was imported were made of the texts.
ALTER TABLE iu_core.information_unit ALTER COLUMN title_is_derived TYPE boolean USING source_path IS NOT NULL;
COMMENT ON COLUMN iu_core.information_unit.title_is_derived IS 'the title is made of the text and follows it; somebody''s own title stays';

ALTER TABLE iu_core.iu_collection ADD COLUMN base_id bigint;
COMMENT ON COLUMN iu_core.iu_collection.base_id IS 'what the last import wrote (iu_import_base); null where that is not on record';

ALTER TABLE iu_core.iu_collection_checkpoint ADD COLUMN base_id bigint;
COMMENT ON COLUMN iu_core.iu_collection_checkpoint.base_id IS 'what the last import before it wrote';

-- requires: iu_collection, iu_core
CREATE TABLE iu_core.iu_import_base (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT iu_import_base_pkey PRIMARY KEY,
  collection_id bigint NOT NULL CONSTRAINT iu_import_base_collection_fkey REFERENCES iu_core.iu_collection (id),
  revision bigint NOT NULL,
  unit_ids bigint[] NOT NULL,
  version_seqs integer[] NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT iu_import_base_arrays_chk CHECK (cardinality(unit_ids) = cardinality(version_seqs))
);
COMMENT ON TABLE iu_core.iu_import_base IS 'What an import wrote: the pieces in order, each with its version. What differs from it was done here since';
COMMENT ON COLUMN iu_core.iu_import_base.revision IS 'of the collection, when it was imported';

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

-- requires: fn_iu_collection_tail, iu_collection, iu_collection_piece
CREATE FUNCTION iu_core.fn_iu_separator_put(p_collection_id bigint, p_unit_id bigint, p_separator text)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_before text;
  v_joiner text;
  v_tail integer;
BEGIN
  SELECT p.separator, c.joiner INTO STRICT v_before, v_joiner
  FROM iu_collection_piece AS p JOIN iu_collection AS c ON c.id = p.collection_id WHERE p.collection_id = p_collection_id AND p.unit_id = p_unit_id;
  IF v_before IS NOT DISTINCT FROM p_separator THEN
    RETURN '[]';
  END IF;
  v_tail := fn_iu_collection_tail(p_collection_id);
  UPDATE iu_collection_piece SET separator = p_separator WHERE collection_id = p_collection_id AND unit_id = p_unit_id;
  UPDATE iu_collection
  SET byte_length = byte_length + octet_length(coalesce(p_separator, v_joiner)) - octet_length(coalesce(v_before, v_joiner)) + v_tail - fn_iu_collection_tail(p_collection_id)
  WHERE id = p_collection_id;
  RETURN jsonb_build_array(jsonb_build_object('unit', p_unit_id, 'before', v_before, 'after', p_separator));
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_separator_put(bigint, bigint, text) IS 'Gives a piece the separator behind it (null = the joiner), as a part of a change that raises the revision; returns the change, as a list of none or one';
REVOKE ALL ON FUNCTION iu_core.fn_iu_separator_put(bigint, bigint, text) FROM PUBLIC;

-- requires: fn_iu_separator_put, information_unit, iu_collection, iu_collection_piece
CREATE FUNCTION iu_core.fn_dot_separators_restore(p_collection iu_core.iu_collection, p_separators jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_item jsonb;
  v_unit_id bigint;
  v_changes jsonb := '[]';
BEGIN
  FOR v_item IN SELECT i FROM jsonb_array_elements(p_separators) AS i WHERE i ->> 'collection' = (p_collection).canonical_address LOOP
    SELECT u.id INTO v_unit_id FROM information_unit AS u JOIN iu_collection_piece AS p ON p.unit_id = u.id AND p.collection_id = (p_collection).id WHERE u.canonical_address = v_item ->> 'piece';
    IF NOT FOUND THEN
      RAISE EXCEPTION 'separators: % does not stand in % by now', v_item ->> 'piece', (p_collection).canonical_address USING ERRCODE = 'IU014', COLUMN = 'separators';
    END IF;
    v_changes := v_changes || fn_iu_separator_put((p_collection).id, v_unit_id, v_item ->> 'separator');
  END LOOP;
  RETURN v_changes;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_separators_restore(iu_core.iu_collection, jsonb) IS 'Gives pieces of a collection that a command changes the exact separators that an inverse carries; returns the changes. IU014 for a piece that does not stand there';
REVOKE ALL ON FUNCTION iu_core.fn_dot_separators_restore(iu_core.iu_collection, jsonb) FROM PUBLIC;

-- requires: information_unit, unit_version
CREATE FUNCTION iu_core.fn_iu_begins_text(p_unit_id bigint)
RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT u.unit_kind = 'front_matter' OR starts_with(v.body, U&'\FEFF')
  FROM information_unit AS u JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq WHERE u.id = p_unit_id
$$;
COMMENT ON FUNCTION iu_core.fn_iu_begins_text(bigint) IS 'Whether a unit is what it is at the beginning of a text only: front matter, or a text with a byte-order mark';
REVOKE ALL ON FUNCTION iu_core.fn_iu_begins_text(bigint) FROM PUBLIC;

-- requires: fn_iu_begins_text, iu_collection_piece, information_unit, unit_version
-- No separator stands before the first piece, so what a text begins with can only be refused.
CREATE FUNCTION iu_core.fn_iu_collection_first(p_collection_id bigint, p_unit_id bigint)
RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_first record;
  v_bound bigint;
  v_fence text;
BEGIN
  SELECT p.unit_id, p.position, u.canonical_address, u.unit_kind, v.body INTO v_first
  FROM (SELECT * FROM iu_collection_piece WHERE collection_id = p_collection_id ORDER BY position LIMIT 1) AS p
  JOIN information_unit AS u ON u.id = p.unit_id
  JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(p.pinned_version_seq, u.current_version_seq);
  -- The piece that has come to stand behind the first, or that has been the first.
  v_bound := p_unit_id;
  IF v_first.unit_id = p_unit_id THEN
    v_bound := (SELECT unit_id FROM iu_collection_piece WHERE collection_id = p_collection_id AND position > v_first.position ORDER BY position LIMIT 1);
  END IF;
  IF fn_iu_begins_text(v_bound) THEN
    RAISE EXCEPTION 'to: % is front matter or begins with a byte-order mark, and is read as that at the beginning of a text only', (SELECT canonical_address FROM information_unit WHERE id = v_bound)
      USING ERRCODE = 'IU002', COLUMN = 'to', HINT = 'Let it stand first, and the other piece behind it.';
  END IF;
  v_fence := substring(ltrim(v_first.body, U&'\FEFF') FROM '^(---|\+\+\+)[ \t]*(?:[\r\n]|$)');
  IF v_fence IS NOT NULL AND v_first.unit_kind <> 'front_matter' AND EXISTS (
       SELECT FROM iu_collection_piece AS p JOIN information_unit AS u ON u.id = p.unit_id
       JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(p.pinned_version_seq, u.current_version_seq)
       WHERE p.collection_id = p_collection_id
         AND v.body ~ (CASE WHEN p.unit_id = v_first.unit_id THEN '[\r\n]' ELSE '(^|[\r\n])' END || replace(v_fence, '+', '\+') || '[ \t]*([\r\n]|$)')) THEN
    RAISE EXCEPTION 'to: the line % that % begins with would open front matter, since the text would begin with it and has another such line', v_fence, v_first.canonical_address
      USING ERRCODE = 'IU002', COLUMN = 'to', HINT = 'Let another piece stand first, or write the rule as ***.';
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_collection_first(bigint, bigint) IS 'Refuses (IU002) a piece in a place where front matter or a byte-order mark would not stand first, or a rule that stands first would be read as the beginning of front matter';
REVOKE ALL ON FUNCTION iu_core.fn_iu_collection_first(bigint, bigint) FROM PUBLIC;

CREATE FUNCTION iu_core.fn_iu_line_end(VARIADIC p_texts text[])
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT coalesce((SELECT substring(t FROM '\r\n|\r|\n') FROM unnest(p_texts) WITH ORDINALITY AS g(t, n) WHERE t ~ '[\r\n]' ORDER BY n LIMIT 1), E'\n')
$$;
COMMENT ON FUNCTION iu_core.fn_iu_line_end(text[]) IS 'The line end of the first text that has one: CR LF, CR or LF; LF when none has';
REVOKE ALL ON FUNCTION iu_core.fn_iu_line_end(text[]) FROM PUBLIC;

-- The reading of CommonMark that a separator needs: what is still open at the end of a text. Line by line, the
-- outermost block only; what is inside a list or a quote ends with it.
CREATE FUNCTION iu_core.fn_iu_block_end(p_text text, p_kind text, OUT is_over boolean, OUT closer text, OUT marker text, OUT content_column integer)
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_line text;
  v_bare text;
  v_indent integer;
  v_state text := 'over';          -- over, paragraph, quote, list, note, code, fence, html (to its end), block (html to a blank line)
  v_blank boolean := false;        -- a blank line stands before, in a list, a note or code
  v_fence text;
  v_ends text;                     -- what the html is closed by, as a pattern
  v_found text[];
BEGIN
  is_over := true;
  IF p_kind = 'front_matter' THEN
    RETURN;
  END IF;
  FOREACH v_line IN ARRAY regexp_split_to_array(ltrim(p_text, U&'\FEFF'), '\r\n|\r|\n') LOOP
    v_bare := ltrim(v_line, E' \t');
    v_indent := length(replace(left(v_line, length(v_line) - length(v_bare)), E'\t', '    '));
    IF v_state = 'fence' THEN
      IF v_indent < 4 AND starts_with(v_bare, v_fence) AND btrim(rtrim(v_bare, E' \t'), left(v_fence, 1)) = '' THEN
        v_state := 'over';
      END IF;
      CONTINUE;
    ELSIF v_state = 'html' THEN
      IF v_line ~* v_ends THEN v_state := 'over'; END IF;
      CONTINUE;
    ELSIF v_bare = '' THEN
      IF v_state IN ('list', 'note', 'code') THEN v_blank := true; ELSE v_state := 'over'; END IF;
      CONTINUE;
    END IF;

    v_found := CASE WHEN v_indent < 4 AND v_bare !~ '^([-_*])[ \t]*(\1[ \t]*){2,}$' THEN regexp_match(v_bare, '^([-+*]|\d{1,9}[.)])([ \t]*)(.?)') END;
    IF v_found[2] = '' AND v_found[3] <> '' THEN v_found := NULL; END IF;
    IF v_state IN ('list', 'note') THEN
      IF v_indent >= content_column THEN
        v_blank := false;
        CONTINUE;
      ELSIF v_state = 'list' AND right(v_found[1], 1) = marker THEN
        v_blank := false;
        content_column := v_indent + length(v_found[1]) + CASE WHEN length(replace(v_found[2], E'\t', '    ')) BETWEEN 1 AND 4 AND v_found[3] <> '' THEN length(replace(v_found[2], E'\t', '    ')) ELSE 1 END;
        CONTINUE;
      END IF;
    ELSIF v_state = 'code' AND v_indent > 3 OR v_state = 'block' OR v_state = 'quote' AND v_indent < 4 AND starts_with(v_bare, '>') THEN
      v_blank := false;
      CONTINUE;
    ELSIF v_state = 'paragraph' AND v_indent < 4 AND v_bare ~ '^(=+|-+)[ \t]*$' THEN
      v_state := 'over';
      CONTINUE;
    END IF;

    IF v_indent > 3 THEN
      -- A line that belongs to a paragraph before it, wherever that one is.
      CONTINUE WHEN v_state IN ('paragraph', 'quote') OR v_state IN ('list', 'note') AND NOT v_blank;
      v_state := 'code';
    ELSIF v_bare ~ '^#{1,6}([ \t]|$)' OR v_bare ~ '^([-_*])[ \t]*(\1[ \t]*){2,}$' THEN
      v_state := 'over';
    ELSIF v_bare ~ '^(`{3,}[^`]*|~{3,}.*)$' THEN
      v_state := 'fence';
      v_fence := substring(v_bare FROM '^(`+|~+)');
    ELSIF v_bare ~* '^<(script|pre|style|textarea)([ \t>]|$)' THEN
      v_state := 'html'; v_ends := '</(script|pre|style|textarea)>';
      closer := '</' || lower(substring(v_bare FROM '^<([A-Za-z]+)')) || '>';
    ELSIF v_bare ~ '^<(!--|\?|!\[CDATA\[|![A-Za-z])' THEN
      v_state := 'html';
      closer := CASE WHEN starts_with(v_bare, '<!--') THEN '-->' WHEN starts_with(v_bare, '<?') THEN '?>' WHEN starts_with(v_bare, '<![') THEN ']]>' ELSE '>' END;
      v_ends := CASE closer WHEN '?>' THEN '\?>' WHEN ']]>' THEN '\]\]>' ELSE closer END;
    ELSIF v_bare ~* '^</?(address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|dialog|dir|div|dl|dt|fieldset|figcaption|figure|footer|form|frame|frameset|h[1-6]|head|header|hr|html|iframe|legend|li|link|main|menu|menuitem|nav|noframes|ol|optgroup|option|p|param|search|section|summary|table|tbody|td|tfoot|th|thead|title|tr|track|ul)([ \t]|/?>|$)' THEN
      v_state := 'block';
    ELSIF starts_with(v_bare, '>') THEN
      v_state := 'quote';
    ELSIF v_found IS NOT NULL AND (v_state NOT IN ('paragraph', 'quote') OR v_found[3] <> '' AND v_found[1] ~ '^([-+*]|0*1[.)])$') THEN
      v_state := 'list';
      marker := right(v_found[1], 1);
      content_column := v_indent + length(v_found[1]) + CASE WHEN length(replace(v_found[2], E'\t', '    ')) BETWEEN 1 AND 4 AND v_found[3] <> '' THEN length(replace(v_found[2], E'\t', '    ')) ELSE 1 END;
    ELSIF v_bare ~ '^\[\^[^] \t]+\]:' THEN
      v_state := 'note';
      content_column := 4;
    ELSIF v_state IN ('paragraph', 'quote') OR v_state IN ('list', 'note') AND NOT v_blank THEN
      CONTINUE;
    ELSIF v_bare ~* '^<(/[a-z][a-z0-9-]*[ \t]*|[a-z][^<>]*)>[ \t]*$' THEN
      v_state := 'block';
    ELSE
      v_state := 'paragraph';
    END IF;
    v_blank := false;
    IF v_state = 'html' AND substr(v_bare, 3) ~* v_ends THEN
      v_state := 'over';
    END IF;
  END LOOP;
  is_over := v_state = 'over';
  closer := CASE v_state WHEN 'fence' THEN v_fence WHEN 'html' THEN closer END;
  marker := CASE WHEN v_state = 'list' THEN marker END;
  content_column := CASE v_state WHEN 'list' THEN content_column WHEN 'note' THEN 4 WHEN 'code' THEN 4 END;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_block_end(text, text) IS 'What a Markdown text leaves open at its end. is_over: its last block is, and a line end is enough behind it; closer: the line that ends a fence or HTML which is not closed; marker: of the list that it ends with; content_column: a line that is indented so far still belongs to its last block, whatever blank lines stand between';
REVOKE ALL ON FUNCTION iu_core.fn_iu_block_end(text, text) FROM PUBLIC;

-- requires: fn_iu_block_end
CREATE FUNCTION iu_core.fn_iu_separator(p_before text, p_before_kind text, p_after text, p_candidates text[], p_joiner text, p_line_end text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_end record;
  -- The first line that is not blank: how far it is indented, and the list that it would go on with.
  v_line constant text := coalesce(substring(ltrim(p_after, U&'\FEFF') FROM '^(?:[ \t]*(?:\r\n|\r|\n))*([^\r\n]*)'), '');
  v_indent constant integer := length(replace(substring(v_line FROM '^[ \t]*'), E'\t', '    '));
  v_marker constant text := CASE WHEN v_indent < 4 AND v_line !~ '^ *([-_*])[ \t]*(\1[ \t]*){2,}$' THEN right(substring(v_line FROM '^ *([-+*]|\d{1,9}[.)])(?:[ \t]|$)'), 1) END;
  v_merges boolean;
  v_candidate text;
  v_norm text;
BEGIN
  v_end := fn_iu_block_end(p_before, p_before_kind);
  v_merges := v_indent >= v_end.content_column OR v_marker = v_end.marker;
  FOREACH v_candidate IN ARRAY p_candidates LOOP
    IF v_candidate IS NULL THEN
      -- What its author wants between any two pieces is enough, but where no blank line would be.
      CONTINUE WHEN p_joiner = '' OR v_end.closer IS NOT NULL OR v_merges AND p_joiner !~ '\S';
      RETURN NULL;
    END IF;
    v_norm := replace(replace(substring(right(p_before, 8) FROM '[ \t\r\n]*$') || v_candidate, E'\r\n', E'\n'), E'\r', E'\n');
    IF v_end.closer IS NOT NULL THEN
      CONTINUE WHEN v_norm !~ '^[ \t]*\n' OR v_norm !~ '\n[ \t]*\n$' OR position(v_end.closer IN v_candidate) = 0;
    ELSIF v_candidate ~ '\S' THEN
      -- Somebody's own words between two pieces stay. A comment or a closing line of ours that is not needed does not.
      CONTINUE WHEN v_candidate ~ '^\s*(`{3,}|~{3,}|-->|\?>|\]\]>|>|</(script|pre|style|textarea)>)\s*$' OR v_candidate ~ '<!-- -->' AND NOT v_merges;
    ELSE
      CONTINUE WHEN coalesce(v_merges, false) OR v_norm !~ '\n$' OR v_norm !~ CASE WHEN v_end.is_over THEN '^[ \t]*\n' ELSE '^[ \t]*\n[ \t]*\n' END;
    END IF;
    RETURN v_candidate;
  END LOOP;
  RETURN nullif(p_line_end || coalesce(v_end.closer || p_line_end, '') || p_line_end
    || CASE WHEN v_merges THEN '<!-- -->' || p_line_end || p_line_end ELSE '' END, CASE WHEN p_joiner <> '' THEN p_joiner END);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_separator(text, text, text, text[], text, text) IS 'The text between two pieces that keeps each the block it is: the first candidate that does (null = the joiner), else a blank line, behind a line that closes what is open, before an empty comment where a list or code would go on';
REVOKE ALL ON FUNCTION iu_core.fn_iu_separator(text, text, text, text[], text, text) FROM PUBLIC;

-- requires: fn_iu_line_end, fn_iu_separator, fn_iu_separator_put, iu_collection, iu_collection_piece, information_unit, unit_version
CREATE FUNCTION iu_core.fn_iu_seam(p_collection_id bigint, p_unit_id bigint, p_candidates text[])
RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT fn_iu_separator_put(p_collection_id, p_unit_id, fn_iu_separator(b.body, u.unit_kind, n.body, p_candidates, c.joiner,
    fn_iu_line_end(p.separator, (SELECT o.separator FROM iu_collection_piece AS o WHERE o.collection_id = c.id AND o.position < p.position ORDER BY o.position DESC LIMIT 1),
                   n.separator, b.body, n.body, c.joiner)))
  FROM iu_collection AS c
  JOIN iu_collection_piece AS p ON p.collection_id = c.id AND p.unit_id = p_unit_id
  JOIN information_unit AS u ON u.id = p.unit_id
  JOIN unit_version AS b ON b.unit_id = u.id AND b.version_seq = coalesce(p.pinned_version_seq, u.current_version_seq)
  CROSS JOIN LATERAL (
    SELECT o.separator, v.body
    FROM (SELECT * FROM iu_collection_piece WHERE collection_id = c.id AND position > p.position ORDER BY position LIMIT 1) AS o
    JOIN information_unit AS w ON w.id = o.unit_id
    JOIN unit_version AS v ON v.unit_id = w.id AND v.version_seq = coalesce(o.pinned_version_seq, w.current_version_seq)) AS n
  WHERE c.id = p_collection_id
$$;
COMMENT ON FUNCTION iu_core.fn_iu_seam(bigint, bigint, text[]) IS 'Puts between a piece and the next what keeps both the blocks they are, in the document''s line ends: the first candidate that does, or a new one; returns the change';
REVOKE ALL ON FUNCTION iu_core.fn_iu_seam(bigint, bigint, text[]) FROM PUBLIC;

-- requires: fn_iu_collection_first, fn_iu_seam, fn_iu_separator_put, iu_collection_piece
CREATE FUNCTION iu_core.fn_iu_seam_open(p_collection_id bigint, p_unit_id bigint, p_is_given boolean, p_candidate text)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_changes jsonb := '[]';
  v_at numeric;
  v_before iu_collection_piece;
  v_is_last boolean;
BEGIN
  PERFORM fn_iu_collection_first(p_collection_id, p_unit_id);
  SELECT position INTO STRICT v_at FROM iu_collection_piece WHERE collection_id = p_collection_id AND unit_id = p_unit_id;
  SELECT * INTO v_before FROM iu_collection_piece WHERE collection_id = p_collection_id AND position < v_at ORDER BY position DESC LIMIT 1;
  v_is_last := (SELECT unit_id FROM iu_collection_piece WHERE collection_id = p_collection_id ORDER BY position DESC LIMIT 1) = p_unit_id;
  IF v_is_last THEN
    -- What ended the text ends it still.
    IF NOT p_is_given AND v_before.unit_id IS NOT NULL THEN
      v_changes := fn_iu_separator_put(p_collection_id, p_unit_id, v_before.separator);
    END IF;
  ELSIF NOT p_is_given THEN
    v_changes := fn_iu_seam(p_collection_id, p_unit_id, ARRAY[p_candidate] || CASE WHEN v_before.separator !~ '\S' THEN ARRAY[v_before.separator] END);
  END IF;
  IF v_before.unit_id IS NOT NULL THEN
    v_changes := v_changes || fn_iu_seam(p_collection_id, v_before.unit_id,
      CASE WHEN NOT v_is_last OR v_before.separator IS NULL THEN ARRAY[v_before.separator] WHEN p_candidate !~ '\S' THEN ARRAY[p_candidate] ELSE '{}' END);
  END IF;
  RETURN v_changes;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_seam_open(bigint, bigint, boolean, text) IS 'Separates a piece that has come to its place from both neighbours; its own separator stays where it was given, else the candidate is tried first. Returns the changes. IU002 where a text must begin with another piece';
REVOKE ALL ON FUNCTION iu_core.fn_iu_seam_open(bigint, bigint, boolean, text) FROM PUBLIC;

-- requires: fn_dot_place, fn_dot_seams, fn_dot_separators_restore, fn_iu_seam_open, iu_core
CREATE OR REPLACE FUNCTION iu_core.dot_iu_add_piece(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_collection constant iu_collection := fn_dot_collection(p_params);
  v_facts jsonb;
  v_changes jsonb;
  v_seams record;
BEGIN
  IF EXISTS (SELECT FROM iu_collection_piece WHERE collection_id = v_collection.id AND unit_id = v_unit.id) THEN
    RAISE EXCEPTION 'piece: % stands in % already', v_unit.canonical_address, v_collection.canonical_address USING ERRCODE = 'IU004', COLUMN = 'piece', HINT = 'A piece stands in a collection at most once; move it instead.';
  ELSIF p_params ? 'pinned_version' AND NOT EXISTS (SELECT FROM unit_version WHERE unit_id = v_unit.id AND version_seq = (p_params ->> 'pinned_version')::integer) THEN
    RAISE EXCEPTION 'pinned_version: the piece has no version %', p_params ->> 'pinned_version' USING ERRCODE = 'IU003', COLUMN = 'pinned_version';
  END IF;
  PERFORM fn_iu_collection_add(v_collection.id, ARRAY[v_unit.id], ARRAY[fn_dot_place(v_collection.id, v_unit.id, p_params)], ARRAY[p_params ->> 'separator'], ARRAY[(p_params ->> 'pinned_version')::integer]);
  v_changes := CASE WHEN p_params ? 'separators' THEN fn_dot_separators_restore(v_collection, p_params -> 'separators')
    ELSE fn_iu_seam_open(v_collection.id, v_unit.id, p_params ? 'separator', NULL) END;
  v_seams := fn_dot_seams(v_collection, v_changes, v_unit.id, false);
  v_facts := fn_dot_piece_facts(v_collection.id, v_unit.id);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_collection.revision, 'version', v_unit.current_version_seq, 'status', v_unit.lifecycle_status),
    'objects', jsonb_build_array(fn_dot_collection_object(v_collection),
      jsonb_build_object('ref', format('piece:%s#%s', v_collection.canonical_address, v_unit.canonical_address), 'change', 'create', 'after', v_facts)) || v_seams.objects,
    'refs', jsonb_build_array('unit:' || v_unit.canonical_address),
    'result', jsonb_build_object('at', v_facts -> 'at'),
    'checks', jsonb_build_array(jsonb_build_object('name', 'piece_in_place', 'kind', 'piece', 'collection', v_collection.canonical_address, 'unit', v_unit.canonical_address, 'at', v_facts -> 'at')),
    'inverse', jsonb_build_object('command', 'dot_iu_remove_piece_from_collection', 'params', jsonb_build_object('collection', v_collection.canonical_address, 'piece', v_unit.canonical_address, 'separators', v_seams.before)));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_add_piece(jsonb, jsonb) IS 'Puts a piece into a collection';
REVOKE ALL ON FUNCTION iu_core.dot_iu_add_piece(jsonb, jsonb) FROM PUBLIC;

-- requires: iu_collection_checkpoint, iu_collection_checkpoint_piece, iu_core
CREATE OR REPLACE FUNCTION iu_core.fn_iu_collection_checkpoint(p_collection_id bigint, p_label text DEFAULT NULL)
RETURNS iu_core.iu_collection_checkpoint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_checkpoint iu_collection_checkpoint;
  v_text text;
BEGIN
  -- The collection's lock gives the number, and keeps its pieces still.
  PERFORM FROM iu_collection WHERE id = p_collection_id FOR NO KEY UPDATE;
  v_text := fn_iu_collection_manifest_text(p_collection_id);
  INSERT INTO iu_collection_checkpoint (collection_id, checkpoint_no, label, revision, title, manifest_text, manifest_digest, render_digest, piece_count, byte_length, source_digest, source_byte_length, base_id)
  SELECT c.id, coalesce((SELECT max(k.checkpoint_no) FROM iu_collection_checkpoint AS k WHERE k.collection_id = c.id), 0) + 1, coalesce(p_label, ''), c.revision, c.title,
         v_text, sha256(convert_to(v_text, 'UTF8')), sha256(convert_to(fn_iu_collection_render(c.id), 'UTF8')), c.piece_count, c.byte_length, c.source_digest, c.source_byte_length, c.base_id
  FROM iu_collection AS c WHERE c.id = p_collection_id
  RETURNING * INTO STRICT v_checkpoint;
  INSERT INTO iu_collection_checkpoint_piece (collection_id, checkpoint_no, unit_id, version_seq, is_pinned, unit_version_seq, position, separator, unit_kind, title, parent_unit_id, section_level)
  SELECT p.collection_id, v_checkpoint.checkpoint_no, p.unit_id, coalesce(p.pinned_version_seq, u.current_version_seq), p.pinned_version_seq IS NOT NULL, u.current_version_seq, p.position, p.separator,
         u.unit_kind, u.title, t.parent_unit_id, t.section_level
  FROM iu_collection_piece AS p JOIN information_unit AS u ON u.id = p.unit_id LEFT JOIN iu_tree_path AS t ON t.unit_id = p.unit_id
  WHERE p.collection_id = p_collection_id;
  RETURN v_checkpoint;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_collection_checkpoint(bigint, text) IS 'Freezes a collection as it stands under the next number, and returns the checkpoint';
REVOKE ALL ON FUNCTION iu_core.fn_iu_collection_checkpoint(bigint, text) FROM PUBLIC;

-- requires: fn_dot_unit_object, iu_core, iu_relation
CREATE OR REPLACE FUNCTION iu_core.dot_iu_clone_piece(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_version unit_version;
  v_clone bigint;
BEGIN
  IF v_unit.lifecycle_status = 'deleted' THEN
    RAISE EXCEPTION 'piece: % is deleted', v_unit.canonical_address USING ERRCODE = 'IU009', COLUMN = 'piece', HINT = 'Restore it first.';
  END IF;
  SELECT * INTO STRICT v_version FROM unit_version WHERE unit_id = v_unit.id AND version_seq = v_unit.current_version_seq;
  v_clone := fn_iu_create(p_params ->> 'address', v_unit.unit_kind, v_version.body, coalesce(p_params ->> 'title', v_unit.title));
  UPDATE information_unit SET title_is_derived = true WHERE id = v_clone AND v_unit.title_is_derived AND coalesce(p_params ->> 'title', v_unit.title) = v_unit.title;
  INSERT INTO iu_relation (from_unit_id, relation_kind, to_unit_id, to_version_seq) VALUES (v_clone, 'cloned_from', v_unit.id, v_version.version_seq);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('version', v_version.version_seq, 'status', v_unit.lifecycle_status),
    'objects', jsonb_build_array(fn_dot_unit_object(NULL, v_clone), jsonb_build_object('ref', format('relation:%s cloned_from %s', p_params ->> 'address', v_unit.canonical_address), 'change', 'create', 'after', jsonb_build_object('version', v_version.version_seq))),
    'refs', jsonb_build_array('unit:' || v_unit.canonical_address),
    'result', jsonb_build_object('piece', p_params -> 'address', 'cloned_from', v_unit.canonical_address, 'version', v_version.version_seq),
    'checks', jsonb_build_array(
      jsonb_build_object('name', 'clone_has_the_text', 'kind', 'unit', 'unit', p_params -> 'address', 'status', 'draft', 'sha256', encode(v_version.content_digest, 'hex')),
      jsonb_build_object('name', 'clone_is_related', 'kind', 'relation', 'from', p_params -> 'address', 'relation', 'cloned_from', 'to', v_unit.canonical_address)),
    'inverse', jsonb_build_object('command', 'dot_iu_soft_delete_piece', 'params', jsonb_build_object('piece', p_params -> 'address')));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_clone_piece(jsonb, jsonb) IS 'Copies a unit''s current text under a new address, related to it as cloned_from';
REVOKE ALL ON FUNCTION iu_core.dot_iu_clone_piece(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_dot_collection_created, iu_core
CREATE OR REPLACE FUNCTION iu_core.dot_iu_create_collection(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_id constant bigint := fn_iu_compose(p_params ->> 'address', p_params ->> 'kind', p_params ->> 'title', '{}', coalesce(p_params ->> 'joiner', E'\n\n'));
BEGIN
  RETURN fn_dot_collection_created(v_id, '[]');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_create_collection(jsonb, jsonb) IS 'Makes an empty collection';
REVOKE ALL ON FUNCTION iu_core.dot_iu_create_collection(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_dot_seams, fn_dot_unit_object, fn_iu_seam_open, iu_core
CREATE OR REPLACE FUNCTION iu_core.dot_iu_create_piece(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_unit_id bigint;
  v_collection iu_collection;
  v_objects jsonb;
  v_seams record;
  v_separators jsonb := '[]';
BEGIN
  v_unit_id := fn_iu_create(p_params ->> 'address', p_params ->> 'kind', p_params ->> 'body', coalesce(p_params ->> 'title', ''));
  v_objects := jsonb_build_array(fn_dot_unit_object(NULL, v_unit_id));
  IF p_params ? 'collection' THEN
    v_collection := fn_dot_collection(p_params);
    PERFORM fn_iu_collection_add(v_collection.id, ARRAY[v_unit_id], ARRAY[fn_dot_place(v_collection.id, v_unit_id, p_params)], ARRAY[p_params ->> 'separator']);
    v_seams := fn_dot_seams(v_collection, fn_iu_seam_open(v_collection.id, v_unit_id, p_params ? 'separator', NULL), v_unit_id, false);
    v_separators := v_seams.before;
    v_objects := v_objects || fn_dot_collection_object(v_collection) || jsonb_build_object(
      'ref', format('piece:%s#%s', v_collection.canonical_address, p_params ->> 'address'), 'change', 'create', 'after', fn_dot_piece_facts(v_collection.id, v_unit_id)) || v_seams.objects;
  ELSIF p_params ?| ARRAY['to', 'after', 'before', 'position', 'separator'] THEN
    RAISE EXCEPTION 'collection: a place needs the collection that it is in' USING ERRCODE = 'IU002', COLUMN = 'collection';
  END IF;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_collection.revision),
    'objects', v_objects,
    'result', jsonb_build_object('piece', p_params -> 'address'),
    'checks', jsonb_build_array(jsonb_build_object('name', 'piece_born', 'kind', 'unit', 'unit', p_params -> 'address', 'status', 'draft', 'version', 1, 'sha256', encode(sha256(convert_to(p_params ->> 'body', 'UTF8')), 'hex')))
      || CASE WHEN v_collection.id IS NULL THEN '[]' ELSE jsonb_build_array(jsonb_build_object('name', 'piece_in_place', 'kind', 'piece', 'collection', v_collection.canonical_address, 'unit', p_params -> 'address', 'at', fn_dot_piece_facts(v_collection.id, v_unit_id) -> 'at')) END,
    'inverse', jsonb_build_object('command', 'dot_iu_soft_delete_piece', 'params', jsonb_build_object('piece', p_params -> 'address', 'separators', v_separators)));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_create_piece(jsonb, jsonb) IS 'Makes a unit, and puts it into a collection where one is named';
REVOKE ALL ON FUNCTION iu_core.dot_iu_create_piece(jsonb, jsonb) FROM PUBLIC;

-- requires: iu_collection
CREATE FUNCTION iu_core.fn_dot_loss(p_before iu_core.iu_collection, p_pieces_removed integer, p_bytes bigint)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  -- Removed pieces may be many and short, and one piece may be all of a document: so both are counted.
  SELECT CASE WHEN 5 * p_pieces_removed > (p_before).piece_count OR 5 * ((p_before).byte_length - p_bytes) > (p_before).byte_length
    THEN jsonb_build_array(jsonb_build_object('because', 'removals', 'what', format('It removes %s of the %s pieces of %s: %s bytes become %s.',
      p_pieces_removed, (p_before).piece_count, (p_before).canonical_address, (p_before).byte_length, p_bytes) || CASE WHEN p_bytes = 0 THEN ' The document will be empty.' ELSE '' END))
    ELSE '[]' END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_loss(iu_core.iu_collection, integer, bigint) IS 'Why a change asks for a plan and a reason: it removes more than a fifth of a document, by its pieces or its bytes; an empty list where it does not';
REVOKE ALL ON FUNCTION iu_core.fn_dot_loss(iu_core.iu_collection, integer, bigint) FROM PUBLIC;

-- requires: information_unit, iu_collection, iu_collection_piece, iu_import_base
CREATE FUNCTION iu_core.fn_iu_import_base_put(p_collection_id bigint)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH base AS (
    INSERT INTO iu_import_base (collection_id, revision, unit_ids, version_seqs)
    SELECT c.id, c.revision, coalesce(array_agg(p.unit_id ORDER BY p.position) FILTER (WHERE p.unit_id IS NOT NULL), '{}'),
           coalesce(array_agg(coalesce(p.pinned_version_seq, u.current_version_seq) ORDER BY p.position) FILTER (WHERE p.unit_id IS NOT NULL), '{}')
    FROM iu_collection AS c LEFT JOIN iu_collection_piece AS p ON p.collection_id = c.id LEFT JOIN information_unit AS u ON u.id = p.unit_id
    WHERE c.id = p_collection_id
    GROUP BY c.id
    RETURNING id, collection_id
  )
  UPDATE iu_collection AS c SET base_id = base.id FROM base WHERE c.id = base.collection_id
$$;
COMMENT ON FUNCTION iu_core.fn_iu_import_base_put(bigint) IS 'Keeps a collection as it stands as what its last import wrote';
REVOKE ALL ON FUNCTION iu_core.fn_iu_import_base_put(bigint) FROM PUBLIC;

-- requires: fn_iu_import_base_put, iu_collection_checkpoint, iu_collection_checkpoint_piece, iu_core
-- Forward, never back: a piece whose text differs gets a further version, so the way there stays in its history.
CREATE OR REPLACE FUNCTION iu_core.fn_iu_collection_return(p_collection_id bigint, p_checkpoint_no integer)
RETURNS TABLE (pieces_added integer, pieces_removed integer, pieces_moved integer, versions_created integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_checkpoint iu_collection_checkpoint;
  v_wrong text;
  v_ids bigint[];
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  -- Units before collections: the lock order of every writer.
  PERFORM FROM information_unit
  WHERE id IN (SELECT unit_id FROM iu_collection_piece WHERE collection_id = p_collection_id
               UNION SELECT unit_id FROM iu_collection_checkpoint_piece WHERE collection_id = p_collection_id AND checkpoint_no = p_checkpoint_no)
  ORDER BY id FOR UPDATE;
  PERFORM FROM iu_collection WHERE id = p_collection_id FOR NO KEY UPDATE;
  SELECT * INTO v_checkpoint FROM iu_collection_checkpoint WHERE collection_id = p_collection_id AND checkpoint_no = p_checkpoint_no;
  IF NOT FOUND AND p_checkpoint_no <> 0 THEN
    RAISE EXCEPTION 'checkpoint: the collection has no checkpoint %', p_checkpoint_no USING ERRCODE = 'IU003', COLUMN = 'checkpoint';
  END IF;
  SELECT format('%s (%s)', u.canonical_address, u.lifecycle_status) INTO v_wrong
  FROM iu_collection_checkpoint_piece AS k JOIN information_unit AS u ON u.id = k.unit_id
  WHERE k.collection_id = p_collection_id AND k.checkpoint_no = p_checkpoint_no AND u.lifecycle_status IN ('retired', 'deleted')
    AND NOT EXISTS (SELECT FROM iu_collection_piece AS p WHERE p.collection_id = p_collection_id AND p.unit_id = k.unit_id) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'piece % cannot be added anywhere', v_wrong USING ERRCODE = 'IU009', COLUMN = 'checkpoint', HINT = 'Restore it first.';
  END IF;

  v_ids := ARRAY(SELECT p.unit_id FROM iu_collection_piece AS p
                 WHERE p.collection_id = p_collection_id
                   AND NOT EXISTS (SELECT FROM iu_collection_checkpoint_piece AS k WHERE (k.collection_id, k.checkpoint_no, k.unit_id) = (p_collection_id, p_checkpoint_no, p.unit_id))
                 ORDER BY p.position);
  pieces_removed := cardinality(v_ids);
  IF pieces_removed > 0 THEN
    PERFORM fn_iu_collection_remove(p_collection_id, v_ids);
  END IF;
  SELECT coalesce(fn_iu_apply_versions(array_agg(k.unit_id ORDER BY k.unit_id), array_agg(w.body ORDER BY k.unit_id), array_agg(k.unit_kind ORDER BY k.unit_id), array_agg(k.title ORDER BY k.unit_id)), 0)
  INTO versions_created
  FROM iu_collection_checkpoint_piece AS k
  JOIN information_unit AS u ON u.id = k.unit_id
  JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq
  JOIN unit_version AS w ON w.unit_id = u.id AND w.version_seq = k.unit_version_seq
  -- What stands here and follows, or did: a piece that has left may have been revised for others since, and one that
  -- is pinned, then and now, was not shown in its newest text anyway.
  JOIN iu_collection_piece AS p ON p.collection_id = k.collection_id AND p.unit_id = k.unit_id AND (p.pinned_version_seq IS NULL OR NOT k.is_pinned)
  WHERE k.collection_id = p_collection_id AND k.checkpoint_no = p_checkpoint_no AND v.content_digest <> w.content_digest
  HAVING count(*) > 0;
  versions_created := coalesce(versions_created, 0);

  SELECT count(fn_iu_collection_reorder(p_collection_id, unit_ids, positions)), coalesce(max(cardinality(unit_ids)), 0) INTO v_wrong, pieces_moved
  FROM (SELECT array_agg(k.unit_id ORDER BY k.position) AS unit_ids, array_agg(k.position ORDER BY k.position) AS positions
        FROM iu_collection_checkpoint_piece AS k JOIN iu_collection_piece AS p ON p.collection_id = k.collection_id AND p.unit_id = k.unit_id
        WHERE k.collection_id = p_collection_id AND k.checkpoint_no = p_checkpoint_no AND p.position <> k.position
        HAVING count(*) > 0) AS moved;
  SELECT count(fn_iu_collection_put(p_collection_id, unit_ids, positions, separators, pins)), coalesce(max(cardinality(unit_ids)), 0) INTO v_wrong, pieces_added
  FROM (SELECT array_agg(k.unit_id ORDER BY k.position) AS unit_ids, array_agg(k.position ORDER BY k.position) AS positions, array_agg(k.separator ORDER BY k.position) AS separators,
               -- What was revised since it left comes back pinned to the text that it had here.
               array_agg(CASE WHEN k.is_pinned OR v.content_digest <> w.content_digest THEN k.version_seq END ORDER BY k.position) AS pins
        FROM iu_collection_checkpoint_piece AS k
        JOIN information_unit AS u ON u.id = k.unit_id
        JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq
        JOIN unit_version AS w ON w.unit_id = u.id AND w.version_seq = k.version_seq
        WHERE k.collection_id = p_collection_id AND k.checkpoint_no = p_checkpoint_no
          AND NOT EXISTS (SELECT FROM iu_collection_piece AS p WHERE p.collection_id = p_collection_id AND p.unit_id = k.unit_id)
        HAVING count(*) > 0) AS missing;
  UPDATE iu_collection_piece AS p SET separator = k.separator, pinned_version_seq = pin.version_seq
  FROM iu_collection_checkpoint_piece AS k
  JOIN information_unit AS u ON u.id = k.unit_id
  JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq
  JOIN unit_version AS w ON w.unit_id = u.id AND w.version_seq = k.version_seq
  CROSS JOIN LATERAL (SELECT CASE WHEN k.is_pinned OR v.content_digest <> w.content_digest THEN k.version_seq END AS version_seq) AS pin
  WHERE (k.collection_id, k.checkpoint_no, k.unit_id) = (p_collection_id, p_checkpoint_no, p.unit_id) AND p.collection_id = p_collection_id
    AND (p.separator, p.pinned_version_seq) IS DISTINCT FROM (k.separator, pin.version_seq);
  DELETE FROM iu_tree_path AS t USING iu_collection_checkpoint_piece AS k
  WHERE k.collection_id = p_collection_id AND k.checkpoint_no = p_checkpoint_no AND k.section_level IS NULL AND t.unit_id = k.unit_id;
  INSERT INTO iu_tree_path (unit_id, parent_unit_id, section_level)
  SELECT k.unit_id, k.parent_unit_id, k.section_level FROM iu_collection_checkpoint_piece AS k
  WHERE k.collection_id = p_collection_id AND k.checkpoint_no = p_checkpoint_no AND k.section_level IS NOT NULL
  ON CONFLICT (unit_id) DO UPDATE SET parent_unit_id = excluded.parent_unit_id, section_level = excluded.section_level
  WHERE (iu_tree_path.parent_unit_id, iu_tree_path.section_level) IS DISTINCT FROM (excluded.parent_unit_id, excluded.section_level);
  UPDATE iu_collection AS c
  SET revision = c.revision + 1, updated_at = clock_timestamp(), title = coalesce(v_checkpoint.title, c.title),
      source_digest = coalesce(v_checkpoint.source_digest, c.source_digest), source_byte_length = coalesce(v_checkpoint.source_byte_length, c.source_byte_length), base_id = v_checkpoint.base_id
  WHERE c.id = p_collection_id;
  IF fn_iu_collection_seal(p_collection_id) IS DISTINCT FROM coalesce(v_checkpoint.render_digest, sha256('')) THEN
    RAISE EXCEPTION 'round trip failed: the collection does not render to the text of checkpoint %', p_checkpoint_no USING ERRCODE = 'IU006', HINT = 'Nothing was written. Report it.';
  END IF;
  -- Emptied, it is as before its first import, which wrote nothing yet.
  IF p_checkpoint_no = 0 THEN
    PERFORM fn_iu_import_base_put(p_collection_id);
  END IF;
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_collection_return(bigint, integer) IS 'Brings a collection back to a checkpoint (0 = empty): pieces, order, separators and texts; proves it by the digest. IU001 closed gate, IU003 no such checkpoint, IU006 not the same text, IU009 a piece is retired or deleted';
REVOKE ALL ON FUNCTION iu_core.fn_iu_collection_return(bigint, integer) FROM PUBLIC;

-- requires: information_unit, iu_collection, iu_collection_piece, iu_import_base, unit_version
CREATE FUNCTION iu_core.fn_iu_import_over(
  p_collection iu_core.iu_collection, p_base iu_core.iu_import_base, p_units bigint[], p_same boolean[], p_stays boolean[], p_removed bigint[])
RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  IF (p_base).revision = (p_collection).revision THEN
    RETURN '{}';
  ELSIF (p_base).id IS NULL THEN
    RETURN CASE WHEN sha256(convert_to(fn_iu_collection_render((p_collection).id), 'UTF8')) = (p_collection).source_digest THEN '{}'
      ELSE ARRAY[(p_collection).canonical_address || ' (edited; its pieces are not on record, the last import being older than this version)'] END;
  END IF;
  RETURN ARRAY(
    WITH base AS (
      SELECT b.unit_id, b.n, v.content_digest
      FROM unnest((p_base).unit_ids, (p_base).version_seqs) WITH ORDINALITY AS b(unit_id, version_seq, n) JOIN unit_version AS v ON v.unit_id = b.unit_id AND v.version_seq = b.version_seq
    ), standing AS (
      SELECT p.unit_id, p.position, v.content_digest
      FROM iu_collection_piece AS p JOIN information_unit AS u ON u.id = p.unit_id
      JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(p.pinned_version_seq, u.current_version_seq)
      WHERE p.collection_id = (p_collection).id
    ), compared AS (
      -- As it stands, and in which order among those that stood there then.
      SELECT coalesce(s.unit_id, b.unit_id) AS unit_id, s.position, b.n, s.unit_id IS NOT NULL AS stands, b.unit_id IS NOT NULL AS was_written, s.content_digest IS DISTINCT FROM b.content_digest AS differs,
             rank() OVER (PARTITION BY s.unit_id IS NOT NULL AND b.unit_id IS NOT NULL ORDER BY b.n) <> rank() OVER (PARTITION BY s.unit_id IS NOT NULL AND b.unit_id IS NOT NULL ORDER BY s.position) AS is_moved
      FROM standing AS s FULL JOIN base AS b ON b.unit_id = s.unit_id
    ), planned AS (
      SELECT unit_id, same, stays FROM unnest(p_units, p_same, p_stays) AS g(unit_id, same, stays) WHERE unit_id IS NOT NULL
      UNION ALL SELECT unit_id, false, false FROM unnest(p_removed) AS g(unit_id)
    )
    SELECT format('%s (%s)', u.canonical_address, CASE WHEN NOT c.stands THEN 'removed' WHEN NOT c.was_written THEN 'added' WHEN c.differs THEN 'edited' ELSE 'moved' END)
    FROM compared AS c JOIN planned AS p ON p.unit_id = c.unit_id JOIN information_unit AS u ON u.id = c.unit_id
    WHERE CASE WHEN NOT c.stands THEN true WHEN NOT c.was_written OR c.differs THEN NOT p.same ELSE false END OR c.stands AND c.was_written AND c.is_moved AND NOT p.stays
    ORDER BY coalesce(c.position, c.n), u.id);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_import_over(iu_core.iu_collection, iu_core.iu_import_base, bigint[], boolean[], boolean[], bigint[]) IS 'The pieces on which an import would undo what was done here since the last one: edited, added, moved or removed. Takes which unit each new piece is, whether its text and its place stay, and which units leave';
REVOKE ALL ON FUNCTION iu_core.fn_iu_import_over(iu_core.iu_collection, iu_core.iu_import_base, bigint[], boolean[], boolean[], bigint[]) FROM PUBLIC;

-- requires: fn_iu_import_base_put, fn_iu_import_over, iu_collection, iu_collection_piece, iu_import_base
DROP FUNCTION iu_core.fn_iu_import_file(text, bytea, text[], integer[], integer[], text[], smallint[]);
CREATE FUNCTION iu_core.fn_iu_import_file(
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

  -- Imports of one source take turns; the unchanged one writes nothing at all.
  PERFORM pg_advisory_xact_lock(hashtextextended('iu_core.import ' || p_source_path, 0));
  SELECT * INTO v_collection FROM iu_collection AS c WHERE c.source_path = p_source_path;
  IF FOUND AND v_collection.render_revision = v_collection.revision AND (v_collection.render_digest, v_collection.source_digest) = (v_digest, v_digest) THEN
    RETURN QUERY SELECT 'unchanged', v_collection.canonical_address, v_collection.piece_count, 0, 0, 0, 0, v_collection.byte_length, encode(v_digest, 'hex'), '{}'::text[];
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

-- requires: fn_dot_loss, fn_iu_collection_return, fn_iu_import_file, iu_core
CREATE OR REPLACE FUNCTION iu_core.dot_iu_import_text(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
AS $$
#variable_conflict use_variable
DECLARE
  v_before iu_collection;
  v_after iu_collection;
  v_old jsonb := '{}';
  v_objects jsonb;
  v_imported record;
  v_checkpoint integer := 0;
  v_outcome text;
  v_locked bigint[];
  v_retired text;
  v_over text[] := '{}';          -- pieces whose edits it undoes
BEGIN
  IF (p_params ? 'text') <> (p_params ? 'source_path') OR (p_params ? 'checkpoint') <> (p_params ? 'collection') OR (p_params ? 'text') = (p_params ? 'checkpoint') OR (p_params ? 'text') <> (p_params ? 'cut') THEN
    RAISE EXCEPTION 'text: give a source_path and its text, or a collection and the checkpoint to return to' USING ERRCODE = 'IU002', COLUMN = 'text';
  END IF;
  IF EXISTS (SELECT FROM jsonb_array_elements_text(coalesce(p_params -> 'cut' -> 'titles', '[]')) AS t WHERE length(t) > 500 OR t ~ '[\x01-\x1f\x7f]') THEN
    RAISE EXCEPTION 'cut: a title is one line of at most 500 characters' USING ERRCODE = 'IU002', COLUMN = 'cut';
  END IF;
  IF p_params ? 'text' THEN
    -- Imports of one source take turns, before they lock anything.
    PERFORM pg_advisory_xact_lock(hashtextextended('iu_core.import ' || (p_params ->> 'source_path'), 0));
    SELECT * INTO v_before FROM iu_collection WHERE source_path = p_params ->> 'source_path';
  ELSE
    -- Units before collections; the return locks them in order.
    SELECT * INTO v_before FROM iu_collection WHERE canonical_address = p_params ->> 'collection' AND status = 'active';
    IF NOT FOUND THEN
      RAISE EXCEPTION 'collection: no collection has the address %', p_params ->> 'collection' USING ERRCODE = 'IU003', COLUMN = 'collection';
    END IF;
  END IF;
  IF v_before.id IS NOT NULL THEN
    -- Every unit that it may touch, before the collection. Where a piece joined until the collection was locked, going
    -- back frees the locks for another round.
    LOOP
      BEGIN
        v_locked := ARRAY(SELECT unit_id FROM iu_collection_piece WHERE collection_id = v_before.id
                          UNION SELECT unit_id FROM iu_collection_checkpoint_piece WHERE collection_id = v_before.id AND checkpoint_no = (p_params ->> 'checkpoint')::integer);
        PERFORM FROM information_unit WHERE id = ANY (v_locked) ORDER BY id FOR UPDATE;
        SELECT * INTO v_before FROM iu_collection WHERE id = v_before.id FOR UPDATE;
        EXIT WHEN NOT EXISTS (SELECT unit_id FROM iu_collection_piece WHERE collection_id = v_before.id EXCEPT SELECT unnest(v_locked));
        RAISE EXCEPTION 'once more' USING ERRCODE = 'XMORE';
      EXCEPTION WHEN SQLSTATE 'XMORE' THEN NULL;
      END;
    END LOOP;
    IF (p_params ->> 'expect_revision')::bigint <> v_before.revision THEN
      RAISE EXCEPTION 'expect_revision: the collection is at revision % by now', v_before.revision USING ERRCODE = 'IU014', COLUMN = 'expect_revision', HINT = 'Look at what has changed since.';
    END IF;
    IF p_params ? 'checkpoint' OR v_before.render_revision IS DISTINCT FROM v_before.revision OR v_before.render_digest IS DISTINCT FROM sha256(convert_to(p_params ->> 'text', 'UTF8')) THEN
      v_checkpoint := (fn_iu_collection_checkpoint(v_before.id, 'before ' || CASE WHEN p_params ? 'text' THEN 'an import' ELSE 'the return to ' || (p_params ->> 'checkpoint') END)).checkpoint_no;
      SELECT coalesce(jsonb_object_agg(p.unit_id, jsonb_build_object('at', p.position::text, 'version', coalesce(p.pinned_version_seq, u.current_version_seq))), '{}') INTO v_old
      FROM iu_collection_piece AS p JOIN information_unit AS u ON u.id = p.unit_id WHERE p.collection_id = v_before.id;
    END IF;
  END IF;

  IF p_params ? 'text' THEN
    BEGIN
      SELECT i.* INTO v_imported
      FROM (SELECT p_params -> 'cut' AS cut) AS given
      CROSS JOIN LATERAL fn_iu_import_file(p_params ->> 'source_path', convert_to(p_params ->> 'text', 'UTF8'),
        ARRAY(SELECT jsonb_array_elements_text(cut -> 'kinds')), ARRAY(SELECT jsonb_array_elements_text(cut -> 'starts')::integer), ARRAY(SELECT jsonb_array_elements_text(cut -> 'lengths')::integer),
        ARRAY(SELECT jsonb_array_elements_text(cut -> 'titles')), ARRAY(SELECT jsonb_array_elements_text(cut -> 'levels')::smallint)) AS i;
    EXCEPTION WHEN invalid_text_representation OR numeric_value_out_of_range THEN
      RAISE EXCEPTION 'cut: starts, lengths and levels are whole numbers' USING ERRCODE = 'IU002', COLUMN = 'cut';
    END;
    v_outcome := v_imported.outcome;
    v_over := v_imported.over_edits;
    SELECT * INTO STRICT v_after FROM iu_collection WHERE canonical_address = v_imported.canonical_address;
  ELSE
    SELECT r.pieces_added AS pieces_created, r.versions_created, r.pieces_removed, r.pieces_moved INTO v_imported FROM fn_iu_collection_return(v_before.id, (p_params ->> 'checkpoint')::integer) AS r;
    SELECT * INTO STRICT v_after FROM iu_collection WHERE id = v_before.id;
    v_outcome := 'returned';
  END IF;

  SELECT coalesce(jsonb_agg(o ORDER BY n), '[]') INTO v_objects FROM (
    SELECT row_number() OVER (ORDER BY u.id) AS n, jsonb_strip_nulls(jsonb_build_object(
      'ref', 'unit:' || u.canonical_address,
      'change', CASE WHEN o.value IS NULL THEN 'create' WHEN p.unit_id IS NULL THEN 'delete' ELSE 'update' END,
      'before', o.value,
      'after', CASE WHEN p.unit_id IS NOT NULL THEN jsonb_build_object('at', p.position::text, 'version', coalesce(p.pinned_version_seq, u.current_version_seq)) END)) AS o
    FROM (SELECT key::bigint AS unit_id, value FROM jsonb_each(v_old)) AS o
    FULL JOIN (SELECT * FROM iu_collection_piece WHERE collection_id = v_after.id) AS p ON p.unit_id = o.unit_id
    JOIN information_unit AS u ON u.id = coalesce(p.unit_id, o.unit_id)
    WHERE v_outcome <> 'unchanged' AND (o.value IS NULL OR p.unit_id IS NULL
       OR o.value IS DISTINCT FROM jsonb_build_object('at', p.position::text, 'version', coalesce(p.pinned_version_seq, u.current_version_seq)))
  ) AS changed;
  -- What is retired can be added nowhere, so an undo could not bring it back.
  SELECT u.canonical_address INTO v_retired FROM jsonb_object_keys(v_old) AS o(unit_id) JOIN information_unit AS u ON u.id = o.unit_id::bigint
  WHERE u.lifecycle_status = 'retired' AND NOT EXISTS (SELECT FROM iu_collection_piece AS p WHERE p.collection_id = v_after.id AND p.unit_id = u.id) ORDER BY u.id LIMIT 1;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_before.revision),
    'objects', CASE v_outcome WHEN 'unchanged' THEN '[]'
      WHEN 'created' THEN jsonb_build_array(jsonb_build_object('ref', 'collection:' || v_after.canonical_address, 'change', 'create', 'after', jsonb_build_object('revision', v_after.revision, 'pieces', v_after.piece_count, 'bytes', v_after.byte_length)))
      ELSE jsonb_build_array(fn_dot_collection_object(v_before)) END || v_objects,
    'refs', jsonb_build_array('collection:' || v_after.canonical_address),
    'friction', CASE WHEN v_over = '{}' THEN '[]' ELSE jsonb_build_array(jsonb_build_object('because', 'edits', 'what', format('It undoes what was done here since the last import, on %s: %s.',
        CASE cardinality(v_over) WHEN 1 THEN '1 piece' ELSE cardinality(v_over) || ' pieces' END, array_to_string(v_over[:20], ', ') || CASE WHEN cardinality(v_over) > 20 THEN ' …' ELSE '' END))) END
      || CASE WHEN v_outcome = 'unchanged' THEN '[]' ELSE fn_dot_loss(v_before, v_imported.pieces_removed, v_after.byte_length) END,
    'result', jsonb_strip_nulls(jsonb_build_object('outcome', v_outcome, 'collection', v_after.canonical_address, 'pieces', v_after.piece_count, 'bytes', v_after.byte_length,
      'sha256', encode(v_after.render_digest, 'hex'), 'pieces_created', v_imported.pieces_created, 'versions_created', v_imported.versions_created,
      'pieces_removed', v_imported.pieces_removed, 'pieces_moved', v_imported.pieces_moved, 'checkpoint', nullif(v_checkpoint, 0))),
    'checks', jsonb_build_array(jsonb_build_object('name', 'renders_to_the_text', 'kind', 'rendered', 'collection', v_after.canonical_address, 'sha256', encode(v_after.render_digest, 'hex'), 'revision', v_after.revision)),
    'inverse', CASE WHEN v_outcome <> 'unchanged' AND v_retired IS NULL THEN jsonb_build_object('command', 'dot_iu_import_text', 'params', jsonb_build_object('collection', v_after.canonical_address, 'checkpoint', v_checkpoint, 'expect_revision', v_after.revision)) END,
    'irreversible', CASE WHEN v_outcome = 'unchanged' THEN 'Nothing was changed.' ELSE format('%s is retired and has left the collection. Restore it, then return to checkpoint %s.', v_retired, v_checkpoint) END);
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_import_text(jsonb, jsonb) IS 'Brings a source to a new text, cut into pieces, or a collection back to a checkpoint (0 = empty); what was before is kept as a checkpoint';
REVOKE ALL ON FUNCTION iu_core.dot_iu_import_text(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_iu_collection_first, fn_iu_seam, fn_iu_separator_put, iu_collection_piece
CREATE FUNCTION iu_core.fn_iu_seam_close(p_collection_id bigint, p_at numeric, p_separator text)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_before iu_collection_piece;
  v_is_last boolean;
BEGIN
  SELECT * INTO v_before FROM iu_collection_piece WHERE collection_id = p_collection_id AND position < p_at ORDER BY position DESC LIMIT 1;
  IF NOT FOUND THEN
    PERFORM fn_iu_collection_first(p_collection_id, NULL);
    RETURN '[]';
  END IF;
  v_is_last := (SELECT unit_id FROM iu_collection_piece WHERE collection_id = p_collection_id ORDER BY position DESC LIMIT 1) = v_before.unit_id;
  RETURN CASE WHEN v_is_last THEN fn_iu_separator_put(p_collection_id, v_before.unit_id, p_separator)
    ELSE fn_iu_seam(p_collection_id, v_before.unit_id, ARRAY[v_before.separator] || CASE WHEN p_separator !~ '\S' THEN ARRAY[p_separator] END) END;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_seam_close(bigint, numeric, text) IS 'Separates the neighbours of a place that a piece has left, with its separator; returns the change';
REVOKE ALL ON FUNCTION iu_core.fn_iu_seam_close(bigint, numeric, text) FROM PUBLIC;

-- requires: fn_dot_piece_facts, fn_dot_seams, fn_dot_separators_restore, fn_iu_seam_close, iu_core
CREATE OR REPLACE FUNCTION iu_core.dot_iu_remove_piece_from_collection(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_collection constant iu_collection := fn_dot_collection(p_params);
  v_before constant jsonb := fn_dot_piece_facts(v_collection.id, v_unit.id);
  v_changes jsonb;
  v_seams record;
BEGIN
  IF v_before IS NULL THEN
    RAISE EXCEPTION 'piece: % does not stand in %', v_unit.canonical_address, v_collection.canonical_address USING ERRCODE = 'IU003', COLUMN = 'piece';
  END IF;
  PERFORM fn_iu_collection_remove(v_collection.id, ARRAY[v_unit.id]);
  v_changes := CASE WHEN p_params ? 'separators' THEN fn_dot_separators_restore(v_collection, p_params -> 'separators')
    ELSE fn_iu_seam_close(v_collection.id, (v_before ->> 'at')::numeric, v_before ->> 'separator') END;
  v_seams := fn_dot_seams(v_collection, v_changes, v_unit.id, false);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_collection.revision, 'piece', v_before),
    'objects', jsonb_build_array(fn_dot_collection_object(v_collection),
      jsonb_build_object('ref', format('piece:%s#%s', v_collection.canonical_address, v_unit.canonical_address), 'change', 'delete', 'before', v_before)) || v_seams.objects,
    'refs', jsonb_build_array('unit:' || v_unit.canonical_address),
    'checks', jsonb_build_array(
      jsonb_build_object('name', 'piece_gone_from_collection', 'kind', 'piece_absent', 'collection', v_collection.canonical_address, 'unit', v_unit.canonical_address),
      jsonb_build_object('name', 'piece_lives_on', 'kind', 'unit', 'unit', v_unit.canonical_address, 'status', v_unit.lifecycle_status)),
    'inverse', jsonb_build_object('command', 'dot_iu_add_piece', 'params', jsonb_build_object('collection', v_collection.canonical_address, 'piece', v_unit.canonical_address, 'separators', v_seams.before) || (v_before - 'after')))
    || CASE WHEN v_unit.lifecycle_status = 'retired' THEN '{"inverse": null, "irreversible": "A retired piece cannot be added anywhere; restore it first."}'::jsonb ELSE '{}' END;
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_remove_piece_from_collection(jsonb, jsonb) IS 'Takes a piece out of a collection; the piece lives on';
REVOKE ALL ON FUNCTION iu_core.dot_iu_remove_piece_from_collection(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_dot_place, fn_dot_seams, fn_dot_separators_restore, fn_iu_seam_close, fn_iu_seam_open, iu_core
CREATE OR REPLACE FUNCTION iu_core.dot_iu_reorder_piece(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_collection constant iu_collection := fn_dot_collection(p_params);
  v_before constant jsonb := fn_dot_piece_facts(v_collection.id, v_unit.id);
  v_at numeric;
  v_was_last boolean;
  v_after jsonb;
  v_changes jsonb;
  v_seams record;
BEGIN
  IF v_before IS NULL THEN
    RAISE EXCEPTION 'piece: % does not stand in %', v_unit.canonical_address, v_collection.canonical_address USING ERRCODE = 'IU003', COLUMN = 'piece';
  ELSIF NOT p_params ?| ARRAY['to', 'after', 'before', 'position', 'at'] THEN
    RAISE EXCEPTION 'to: say where to' USING ERRCODE = 'IU002', COLUMN = 'to', HINT = 'One of to (first, last), after, before, position.';
  ELSIF (p_params ->> 'expect_at')::numeric <> (v_before ->> 'at')::numeric THEN
    RAISE EXCEPTION 'expect_at: the piece has moved since' USING ERRCODE = 'IU014', COLUMN = 'expect_at', HINT = 'Look where it stands now.';
  END IF;
  v_was_last := (SELECT unit_id FROM iu_collection_piece WHERE collection_id = v_collection.id ORDER BY position DESC LIMIT 1) = v_unit.id;
  v_at := fn_dot_place(v_collection.id, v_unit.id, p_params);
  PERFORM fn_iu_collection_reorder(v_collection.id, ARRAY[v_unit.id], ARRAY[v_at]);
  IF p_params ? 'separators' THEN
    v_changes := fn_dot_separators_restore(v_collection, p_params -> 'separators');
  ELSE
    -- What the last piece of a text has behind it ends the text, and separates nothing.
    v_changes := fn_iu_seam_close(v_collection.id, (v_before ->> 'at')::numeric, v_before ->> 'separator');
    v_changes := v_changes || fn_iu_seam_open(v_collection.id, v_unit.id, false, CASE WHEN NOT v_was_last THEN v_before ->> 'separator' END);
  END IF;
  v_seams := fn_dot_seams(v_collection, v_changes, v_unit.id, true);
  v_after := fn_dot_piece_facts(v_collection.id, v_unit.id);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_collection.revision, 'piece', v_before),
    'objects', jsonb_build_array(fn_dot_collection_object(v_collection),
      jsonb_build_object('ref', format('piece:%s#%s', v_collection.canonical_address, v_unit.canonical_address), 'change', 'update', 'before', v_before, 'after', v_after)) || v_seams.objects,
    'refs', jsonb_build_array('unit:' || v_unit.canonical_address),
    'result', jsonb_build_object('at', v_after -> 'at'),
    'checks', jsonb_build_array(jsonb_build_object('name', 'piece_in_place', 'kind', 'piece', 'collection', v_collection.canonical_address, 'unit', v_unit.canonical_address, 'at', v_after -> 'at')),
    'inverse', jsonb_build_object('command', 'dot_iu_reorder_piece', 'params', jsonb_build_object('collection', v_collection.canonical_address, 'piece', v_unit.canonical_address, 'at', v_before -> 'at', 'expect_at', v_after -> 'at', 'separators', v_seams.before)));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_reorder_piece(jsonb, jsonb) IS 'Moves a piece within its collection; one row is written, whatever the collection''s size';
REVOKE ALL ON FUNCTION iu_core.dot_iu_reorder_piece(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_dot_seams, fn_dot_separators_restore, fn_iu_begins_text, fn_iu_lifecycle_set, fn_iu_seam_open, iu_collection_piece_parked, iu_core
CREATE OR REPLACE FUNCTION iu_core.dot_iu_restore_piece(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_parked record;
  v_at numeric;
  v_objects jsonb := '[]';
  v_checks jsonb := '[]';
  v_notes jsonb := '[]';
  v_revisions jsonb := '[]';
  v_status text;
  v_first record;
  v_seams record;
  v_separators jsonb := '[]';
BEGIN
  IF v_unit.lifecycle_status NOT IN ('retired', 'deleted') THEN
    RAISE EXCEPTION 'piece: % is %, there is nothing to restore', v_unit.canonical_address, v_unit.lifecycle_status USING ERRCODE = 'IU009', COLUMN = 'piece';
  END IF;
  v_status := fn_iu_lifecycle_set(v_unit.id, NULL);
  IF v_unit.lifecycle_status = 'deleted' THEN
    PERFORM FROM iu_collection WHERE id IN (SELECT collection_id FROM iu_collection_piece_parked WHERE unit_id = v_unit.id) ORDER BY id FOR NO KEY UPDATE;
    FOR v_parked IN
      SELECT k.position, k.pinned_version_seq, k.separator, c AS collection FROM iu_collection_piece_parked AS k JOIN iu_collection AS c ON c.id = k.collection_id WHERE k.unit_id = v_unit.id ORDER BY c.id
    LOOP
      v_at := v_parked.position;
      IF EXISTS (SELECT FROM iu_collection_piece WHERE collection_id = (v_parked.collection).id AND position = v_at) THEN
        v_at := (fn_iu_positions_between(v_at, (SELECT min(position) FROM iu_collection_piece WHERE collection_id = (v_parked.collection).id AND position > v_at), 1))[1];
        v_notes := v_notes || to_jsonb(format('In %s another piece stands at its place; it comes directly after that one.', (v_parked.collection).canonical_address));
      END IF;
      -- What a text must begin with comes first again, and nothing before it.
      SELECT min(o.position) AS at, (SELECT min(n.position) FROM iu_collection_piece AS n WHERE n.collection_id = (v_parked.collection).id AND n.position > min(o.position)) AS next INTO v_first
      FROM iu_collection_piece AS o WHERE o.collection_id = (v_parked.collection).id;
      IF v_at > v_first.at AND fn_iu_begins_text(v_unit.id) THEN
        v_at := (fn_iu_positions_between(NULL, v_first.at, 1))[1];
        v_notes := v_notes || to_jsonb(format('In %s it comes first, because a text begins with it.', (v_parked.collection).canonical_address));
      ELSIF v_at < v_first.at AND fn_iu_begins_text((SELECT unit_id FROM iu_collection_piece WHERE collection_id = (v_parked.collection).id AND position = v_first.at)) THEN
        v_at := (fn_iu_positions_between(v_first.at, v_first.next, 1))[1];
        v_notes := v_notes || to_jsonb(format('In %s it comes second, because the text begins with another piece.', (v_parked.collection).canonical_address));
      END IF;
      PERFORM fn_iu_collection_put((v_parked.collection).id, ARRAY[v_unit.id], ARRAY[v_at], ARRAY[v_parked.separator], ARRAY[v_parked.pinned_version_seq]);
      v_seams := fn_dot_seams(v_parked.collection, CASE WHEN p_params ? 'separators' THEN fn_dot_separators_restore(v_parked.collection, p_params -> 'separators')
        ELSE fn_iu_seam_open((v_parked.collection).id, v_unit.id, coalesce(v_parked.separator ~ '\S', false), v_parked.separator) END, v_unit.id, false);
      v_separators := v_separators || v_seams.before;
      v_objects := v_objects || fn_dot_collection_object(v_parked.collection) || jsonb_build_object(
        'ref', format('piece:%s#%s', (v_parked.collection).canonical_address, v_unit.canonical_address), 'change', 'create', 'after', fn_dot_piece_facts((v_parked.collection).id, v_unit.id)) || v_seams.objects;
      v_checks := v_checks || jsonb_build_object('name', 'piece_in_place', 'kind', 'piece', 'collection', (v_parked.collection).canonical_address, 'unit', v_unit.canonical_address, 'at', v_at::text);
      v_revisions := v_revisions || to_jsonb((v_parked.collection).revision);
    END LOOP;
    DELETE FROM iu_collection_piece_parked WHERE unit_id = v_unit.id;
  END IF;
  PERFORM fn_iu_outbox_append('piece_restored', 'iu_collection', array_agg(c.canonical_address ORDER BY c.id),
    array_agg(jsonb_build_object('collection_address', c.canonical_address, 'unit_id', v_unit.id, 'unit_address', v_unit.canonical_address) ORDER BY c.id))
  FROM iu_collection_piece AS p JOIN iu_collection AS c ON c.id = p.collection_id WHERE p.unit_id = v_unit.id HAVING count(*) > 0;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('status', v_unit.lifecycle_status, 'version', v_unit.current_version_seq, 'revisions', v_revisions),
    'objects', jsonb_build_array(fn_dot_unit_object(v_unit, v_unit.id)) || v_objects,
    'result', jsonb_build_object('status', v_status),
    'notes', v_notes,
    'checks', jsonb_build_array(jsonb_build_object('name', 'piece_is_' || v_status, 'kind', 'unit', 'unit', v_unit.canonical_address, 'status', v_status)) || v_checks,
    'inverse', jsonb_build_object('command', CASE v_unit.lifecycle_status WHEN 'retired' THEN 'dot_iu_retire_piece' ELSE 'dot_iu_soft_delete_piece' END, 'params', jsonb_build_object('piece', v_unit.canonical_address)
      || CASE WHEN v_unit.lifecycle_status = 'deleted' THEN jsonb_build_object('separators', v_separators) ELSE '{}' END));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_restore_piece(jsonb, jsonb) IS 'Brings a retired or soft-deleted piece back to what it was before, and to its places where they are still free';
REVOKE ALL ON FUNCTION iu_core.dot_iu_restore_piece(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_iu_collection_first, fn_iu_seam, iu_collection_piece, information_unit, unit_version
CREATE FUNCTION iu_core.fn_iu_seam_revised(p_collection_id bigint, p_unit_id bigint, p_was text)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_changes jsonb := '[]';
  v_seam record;
BEGIN
  PERFORM fn_iu_collection_first(p_collection_id, NULL);
  FOR v_seam IN
    SELECT s.unit_id, s.separator, u.unit_kind, c.joiner, CASE WHEN s.unit_id = p_unit_id THEN p_was ELSE v.body END AS body, CASE WHEN n.unit_id = p_unit_id THEN p_was ELSE w.body END AS following
    FROM iu_collection AS c
    JOIN iu_collection_piece AS p ON p.collection_id = c.id AND p.unit_id = p_unit_id
    CROSS JOIN LATERAL (SELECT p.* UNION ALL (SELECT b.* FROM iu_collection_piece AS b WHERE b.collection_id = c.id AND b.position < p.position ORDER BY b.position DESC LIMIT 1)) AS s
    CROSS JOIN LATERAL (SELECT o.* FROM iu_collection_piece AS o WHERE o.collection_id = c.id AND o.position > s.position ORDER BY o.position LIMIT 1) AS n
    JOIN information_unit AS u ON u.id = s.unit_id
    JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(s.pinned_version_seq, u.current_version_seq)
    JOIN information_unit AS x ON x.id = n.unit_id
    JOIN unit_version AS w ON w.unit_id = x.id AND w.version_seq = coalesce(n.pinned_version_seq, x.current_version_seq)
    WHERE c.id = p_collection_id
  LOOP
    -- A separator that kept the old text apart keeps the new one apart as well; one that somebody chose to do less is left alone.
    IF fn_iu_separator(v_seam.body, v_seam.unit_kind, v_seam.following, ARRAY[v_seam.separator], v_seam.joiner, '') IS NOT DISTINCT FROM v_seam.separator THEN
      v_changes := v_changes || fn_iu_seam(p_collection_id, v_seam.unit_id, ARRAY[v_seam.separator]);
    END IF;
  END LOOP;
  RETURN v_changes;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_seam_revised(bigint, bigint, text) IS 'Separates a piece that has a new text from its neighbours, where what separated the old one is not enough for it; returns the changes. IU002 where a text would begin as something else';
REVOKE ALL ON FUNCTION iu_core.fn_iu_seam_revised(bigint, bigint, text) FROM PUBLIC;

CREATE FUNCTION iu_core.fn_iu_title_line(p_text text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  -- Bidirectional overrides go too: they would reorder what stands beside a title.
  SELECT rtrim(left(btrim(regexp_replace(regexp_replace(p_text, '[\x01-\x08\x0e-\x1f\x7f-\u009f\u202a-\u202e\u2066-\u2069]', '', 'g'),
                                         '[\t-\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]+', ' ', 'g'), ' '), 120), ' ')
$$;
COMMENT ON FUNCTION iu_core.fn_iu_title_line(text) IS 'A text as one line of visible characters, at most 120 of them';
REVOKE ALL ON FUNCTION iu_core.fn_iu_title_line(text) FROM PUBLIC;

-- requires: fn_iu_title_line
-- The title that the import gives a piece (server/import/title.ts), for a text that is revised here: a test holds the two together.
CREATE FUNCTION iu_core.fn_iu_title(p_kind text, p_body text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  -- A title is short, so a long text costs no more than a short one.
  v_body constant text := regexp_replace(left(p_body, 4096), '^(\ufeff)?[ \t\r\n]*', '');
  v_text text;
  v_tokens text[];
  v_token text;
  v_open jsonb := '{}';
  v_opener integer;
  v_before text;
  v_after text;
  v_in_word boolean;
BEGIN
  IF p_kind IN ('thematic_break', 'front_matter') THEN
    RETURN '';
  END IF;
  v_text := left(substring(v_body FROM '^[^\r\n]*'), 2048);
  IF p_kind = 'heading' AND v_text ~ '^ {0,3}#{1,6}([ \t]|$)' THEN
    v_text := regexp_replace(regexp_replace(v_text, '^ {0,3}#{1,6}', ''), '([ \t])#+[ \t]*$', '\1');
  ELSIF p_kind = 'heading' THEN
    v_text := left(regexp_replace(v_body, '(^|\r\n|\r|\n)[^\r\n]*$', ''), 2048);
  ELSIF p_kind = 'code' THEN
    RETURN fn_iu_title_line(regexp_replace(v_text, '^\s*(`{3,}|~{3,})', ''));
  ELSE
    v_text := regexp_replace(v_text, '^(\s*(>|[-+*](?=\s|$)|\d{1,9}[.)](?=\s|$)))+', '');
    IF p_kind = 'table' THEN v_text := replace(v_text, '|', ' '); END IF;
  END IF;

  v_text := regexp_replace(v_text, '!\[([^][]*)\](?:\([^()]*\)|\[[^][]*\])', '\1', 'g');
  v_text := regexp_replace(v_text, '\[([^][]*)\](?:\([^()]*\)|\[[^][]*\])', '\1', 'g');
  v_text := regexp_replace(v_text, '<([a-z][a-z0-9+.-]*:[^\s<>]*)>', '\1', 'gi');
  v_text := regexp_replace(v_text, '</?[a-z!?][^<>]*>', '', 'gi');
  -- Pairs of *, _ and ~~ that enclose words go, and the ticks around code, whose inside stays as it is.
  v_tokens := ARRAY(SELECT m[1] FROM regexp_matches(v_text, '(\\.|`+[^`]+`+|\*+|_+|~~|[^\\`*_~]+|.)', 'g') AS m);
  FOR i IN 1 .. cardinality(v_tokens) LOOP
    v_token := v_tokens[i];
    IF starts_with(v_token, '`') AND length(v_token) > 1 THEN
      v_tokens[i] := regexp_replace(regexp_replace(v_token, '^`+ ?| ?`+$', '', 'g'), '([!-/:-@[-`{-~])', '\\\1', 'g');
    END IF;
    CONTINUE WHEN v_token !~ '^(\*+|_+|~~)$';
    v_before := coalesce(right(v_tokens[i - 1], 1), ' ');
    v_after := coalesce(left(v_tokens[i + 1], 1), ' ');
    v_before := CASE v_before WHEN '' THEN ' ' ELSE v_before END;
    -- An underscore inside a word is a letter of it: snake_case.
    v_in_word := starts_with(v_token, '_') AND v_before ~ '[A-Za-z0-9]|[^\x01-\x7f]' AND v_after ~ '[A-Za-z0-9]|[^\x01-\x7f]';
    v_opener := (v_open ->> v_token)::integer;
    IF v_opener IS NOT NULL AND v_before ~ '\S' AND NOT v_in_word THEN
      v_tokens[v_opener] := ''; v_tokens[i] := '';
      v_open := v_open - v_token;
    ELSIF v_after ~ '\S' AND NOT v_in_word THEN
      v_open := v_open || jsonb_build_object(v_token, i);
    END IF;
  END LOOP;
  RETURN fn_iu_title_line(regexp_replace(array_to_string(v_tokens, ''), '\\([!-/:-@[-`{-~])', '\1', 'g'));
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_title(text, text) IS 'A piece''s title made of its text, to recognise it by: a heading''s text, the info string or first line of code, otherwise the first line''s words; without markup, on one line, at most 120 characters, and possibly empty';
REVOKE ALL ON FUNCTION iu_core.fn_iu_title(text, text) FROM PUBLIC;

-- requires: fn_dot_loss, fn_dot_seams, fn_dot_separators_restore, fn_dot_unit_object, fn_iu_seam_revised, fn_iu_title, iu_core, iu_tree_path
CREATE OR REPLACE FUNCTION iu_core.dot_iu_revise_piece(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_body text := p_params ->> 'body';
  v_followers jsonb;
  v_collections iu_collection[];
  v_was text;
  v_title text;
  v_derives boolean;
  v_seams record;
  v_objects jsonb := '[]';
  v_separators jsonb := '[]';
BEGIN
  IF (p_params ? 'body') = (p_params ? 'version') THEN
    RAISE EXCEPTION 'body: give the new body, or the version whose body is wanted again' USING ERRCODE = 'IU002', COLUMN = 'body';
  ELSIF (p_params ->> 'expect_version')::integer <> v_unit.current_version_seq THEN
    RAISE EXCEPTION 'expect_version: the piece is at version % by now', v_unit.current_version_seq USING ERRCODE = 'IU014', COLUMN = 'expect_version', HINT = 'Look at the new version first.';
  END IF;
  IF p_params ? 'version' THEN
    SELECT body INTO v_body FROM unit_version WHERE unit_id = v_unit.id AND version_seq = (p_params ->> 'version')::integer;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'version: the piece has no version %', p_params ->> 'version' USING ERRCODE = 'IU003', COLUMN = 'version';
    END IF;
  END IF;
  PERFORM FROM iu_collection WHERE id IN (SELECT collection_id FROM iu_collection_piece WHERE unit_id = v_unit.id AND pinned_version_seq IS NULL) ORDER BY id FOR NO KEY UPDATE;
  SELECT array_agg(c ORDER BY c.id) INTO v_collections
  FROM iu_collection AS c WHERE c.id IN (SELECT collection_id FROM iu_collection_piece WHERE unit_id = v_unit.id AND pinned_version_seq IS NULL);
  SELECT body INTO STRICT v_was FROM unit_version WHERE unit_id = v_unit.id AND version_seq = v_unit.current_version_seq;
  -- A title that was made of the text is made anew, unless somebody gives another. The same once more is nobody's own.
  v_derives := coalesce((p_params ->> 'derive_title')::boolean, v_unit.title_is_derived AND coalesce(nullif(p_params ->> 'title', ''), v_unit.title) = v_unit.title);
  v_title := CASE WHEN v_derives THEN fn_iu_title(v_unit.unit_kind, v_body) WHEN p_params -> 'derive_title' = 'false' THEN coalesce(p_params ->> 'title', v_unit.title)
    ELSE coalesce(nullif(p_params ->> 'title', ''), v_unit.title) END;
  IF fn_iu_apply_versions(ARRAY[v_unit.id], ARRAY[v_body], NULL, ARRAY[v_title]) = 0 THEN
    RAISE EXCEPTION 'body: it is the current one, byte for byte' USING ERRCODE = 'IU016', COLUMN = 'body';
  END IF;
  UPDATE information_unit SET title_is_derived = v_derives WHERE id = v_unit.id AND title_is_derived <> v_derives;
  -- A document is known by its first heading.
  UPDATE iu_collection AS c SET title = v_title
  FROM iu_tree_path AS t
  WHERE t.unit_id = v_unit.id AND t.section_level = 1 AND c.id IN (SELECT f.id FROM unnest(v_collections) AS f) AND c.source_path IS NOT NULL AND c.title = v_unit.title AND v_title <> '';
  FOR i IN 1 .. coalesce(cardinality(v_collections), 0) LOOP
    v_seams := fn_dot_seams(v_collections[i], CASE WHEN p_params ? 'separators' THEN fn_dot_separators_restore(v_collections[i], p_params -> 'separators')
      ELSE fn_iu_seam_revised(v_collections[i].id, v_unit.id, v_was) END, v_unit.id, true);
    v_separators := v_separators || v_seams.before;
    v_objects := v_objects || v_seams.objects || v_seams.own;
  END LOOP;
  SELECT coalesce(jsonb_agg(fn_dot_collection_object(c) ORDER BY c.id), '[]') INTO v_followers FROM unnest(v_collections) AS c;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('version', v_unit.current_version_seq, 'title', v_unit.title, 'followers', (SELECT jsonb_agg(c.revision ORDER BY c.id) FROM unnest(v_collections) AS c)),
    'objects', jsonb_build_array(fn_dot_unit_object(v_unit, v_unit.id)) || v_followers || v_objects,
    'friction', CASE WHEN v_body !~ '\S' AND v_was ~ '\S' THEN jsonb_build_array(jsonb_build_object('because', 'removals', 'what', format('It leaves no text of %s.', v_unit.canonical_address)))
      ELSE coalesce((SELECT l.loss FROM unnest(v_collections) AS c CROSS JOIN LATERAL (SELECT fn_dot_loss(c, 0, c.byte_length + octet_length(v_body) - octet_length(v_was)) AS loss) AS l ORDER BY l.loss = '[]', c.id LIMIT 1), '[]') END,
    'result', jsonb_build_object('version', v_unit.current_version_seq + 1),
    'checks', jsonb_build_array(jsonb_build_object('name', 'version_applied', 'kind', 'unit', 'unit', v_unit.canonical_address, 'version', v_unit.current_version_seq + 1, 'sha256', encode(sha256(convert_to(v_body, 'UTF8')), 'hex'))),
    'inverse', jsonb_build_object('command', 'dot_iu_revise_piece', 'params', jsonb_build_object('piece', v_unit.canonical_address, 'version', v_unit.current_version_seq, 'expect_version', v_unit.current_version_seq + 1, 'separators', v_separators) || CASE WHEN v_unit.title_is_derived THEN '{"derive_title": true}'::jsonb ELSE jsonb_build_object('title', v_unit.title, 'derive_title', false) END));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_revise_piece(jsonb, jsonb) IS 'Gives a unit a new version: a new body, or that of an earlier version';
REVOKE ALL ON FUNCTION iu_core.dot_iu_revise_piece(jsonb, jsonb) FROM PUBLIC;

-- The birth gate: the only INSERT into information_unit there is, and of a first version.
CREATE OR REPLACE FUNCTION iu_core.fn_iu_create_batch(
  p_canonical_addresses text[], p_unit_kinds text[], p_bodies text[], p_titles text[], p_source_path text DEFAULT NULL)
RETURNS bigint[]
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_count integer := cardinality(p_canonical_addresses);
  v_wrong text;
  v_ids bigint[];
  v_actor constant text := fn_iu_actor();
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  IF v_count IS NULL OR (cardinality(p_unit_kinds), cardinality(p_bodies), cardinality(p_titles)) IS DISTINCT FROM (v_count, v_count, v_count) THEN
    RAISE EXCEPTION 'canonical_addresses, unit_kinds, bodies and titles must be arrays of one length'
      USING ERRCODE = 'IU002', COLUMN = 'canonical_addresses';
  END IF;
  SELECT coalesce(a, 'null') INTO v_wrong FROM unnest(p_canonical_addresses) AS a WHERE fn_iu_is_address(a) IS NOT TRUE LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'canonical_address: "%" is not an address', left(v_wrong, 200)
      USING ERRCODE = 'IU002', COLUMN = 'canonical_address',
            HINT = 'Use lower-case segments of a-z 0-9 _ - joined by . and /, at most 512 bytes.';
  END IF;
  IF array_position(p_bodies, NULL) IS NOT NULL THEN
    RAISE EXCEPTION 'body: a unit is born with a body' USING ERRCODE = 'IU002', COLUMN = 'body';
  END IF;
  PERFORM fn_iu_classify('unit_kind', p_unit_kinds, 'unit_kind');

  BEGIN
    WITH given AS (
      SELECT address, kind, coalesce(title, '') AS title, n
      FROM unnest(p_canonical_addresses, p_unit_kinds, p_titles) WITH ORDINALITY AS g(address, kind, title, n)
    ), born AS (
      INSERT INTO information_unit (canonical_address, unit_kind, title, source_path, created_by, title_is_derived)
      SELECT address, kind, title, p_source_path, v_actor, p_source_path IS NOT NULL FROM given ORDER BY n
      RETURNING id, canonical_address
    )
    SELECT array_agg(born.id ORDER BY given.n) INTO v_ids
    FROM given JOIN born ON born.canonical_address = given.address;
  EXCEPTION WHEN unique_violation THEN
    SELECT a INTO v_wrong FROM unnest(p_canonical_addresses) AS a
    WHERE EXISTS (SELECT FROM information_unit u WHERE u.canonical_address = a) LIMIT 1;
    RAISE EXCEPTION 'canonical_address: % is taken', coalesce(v_wrong, '(given twice, or taken just now)')
      USING ERRCODE = 'IU004', COLUMN = 'canonical_address', HINT = 'Choose another address.';
  END;

  INSERT INTO unit_version (unit_id, version_seq, body, content_digest, byte_length, created_by)
  SELECT id, 1, body, sha256(convert_to(body, 'UTF8')), octet_length(body), v_actor
  FROM unnest(v_ids, p_bodies) AS v(id, body);
  RETURN coalesce(v_ids, '{}');
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_create_batch(text[], text[], text[], text[], text) IS 'Birth gate, set-based: makes one unit with version 1 per element, returns their ids in the given order; IU001 closed gate, IU002 bad input, IU004 address taken';
REVOKE ALL ON FUNCTION iu_core.fn_iu_create_batch(text[], text[], text[], text[], text) FROM PUBLIC;

-- requires: fn_dot_lifecycle_changed, fn_dot_seams, fn_dot_separators_restore, fn_iu_seam_close, iu_collection_piece_parked, iu_core
CREATE OR REPLACE FUNCTION iu_core.dot_iu_soft_delete_piece(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_unit constant information_unit := fn_dot_unit(p_params, 'piece');
  v_collections iu_collection[];
  v_pieces jsonb := '[]';
  v_facts jsonb;
  v_seams record;
  v_separators jsonb := '[]';
BEGIN
  IF v_unit.lifecycle_status = 'deleted' THEN
    RAISE EXCEPTION 'piece: % is deleted already', v_unit.canonical_address USING ERRCODE = 'IU009', COLUMN = 'piece';
  END IF;
  PERFORM FROM iu_collection WHERE id IN (SELECT collection_id FROM iu_collection_piece WHERE unit_id = v_unit.id) ORDER BY id FOR NO KEY UPDATE;
  SELECT coalesce(array_agg(c ORDER BY c.id), '{}') INTO v_collections
  FROM iu_collection AS c JOIN iu_collection_piece AS p ON p.collection_id = c.id WHERE p.unit_id = v_unit.id;
  -- Where it stood is kept beside it, so that a restore knows the place.
  INSERT INTO iu_collection_piece_parked (collection_id, unit_id, position, pinned_version_seq, separator)
  SELECT collection_id, unit_id, position, pinned_version_seq, separator FROM iu_collection_piece WHERE unit_id = v_unit.id;
  FOR i IN 1 .. cardinality(v_collections) LOOP
    v_facts := fn_dot_piece_facts(v_collections[i].id, v_unit.id);
    PERFORM fn_iu_collection_remove(v_collections[i].id, ARRAY[v_unit.id]);
    v_seams := fn_dot_seams(v_collections[i], CASE WHEN p_params ? 'separators' THEN fn_dot_separators_restore(v_collections[i], p_params -> 'separators')
      ELSE fn_iu_seam_close(v_collections[i].id, (v_facts ->> 'at')::numeric, v_facts ->> 'separator') END, v_unit.id, false);
    v_separators := v_separators || v_seams.before;
    v_pieces := v_pieces || fn_dot_collection_object(v_collections[i])
      || jsonb_build_object('ref', format('piece:%s#%s', v_collections[i].canonical_address, v_unit.canonical_address), 'change', 'delete', 'before', v_facts) || v_seams.objects;
  END LOOP;
  PERFORM fn_iu_lifecycle_set(v_unit.id, 'deleted');
  v_facts := fn_dot_lifecycle_changed(v_unit, 'deleted');
  RETURN v_facts || jsonb_build_object(
    'state', (v_facts -> 'state') || jsonb_build_object('revisions', (SELECT jsonb_agg(c.revision ORDER BY c.id) FROM unnest(v_collections) AS c)),
    'objects', (v_facts -> 'objects') || v_pieces,
    'inverse', jsonb_set(v_facts -> 'inverse', '{params,separators}', v_separators),
    'checks', (v_facts -> 'checks') || jsonb_build_object('name', 'piece_in_no_manifest', 'kind', 'unit_unused', 'unit', v_unit.canonical_address),
    'notes', CASE WHEN cardinality(v_collections) > 1 THEN jsonb_build_array(format('It leaves %s collections.', cardinality(v_collections))) ELSE '[]' END);
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_soft_delete_piece(jsonb, jsonb) IS 'Soft-deletes a piece: it leaves every manifest, and a restore brings it back';
REVOKE ALL ON FUNCTION iu_core.dot_iu_soft_delete_piece(jsonb, jsonb) FROM PUBLIC;

-- requires: dot_iu_acting, dot_iu_command, dot_iu_command_run, fn_dot_drift_refused, fn_dot_run_overtaken, fn_dot_works_in_drift, iu_core
-- The dispatcher: the one way in which anything is changed. The handler runs in a subtransaction, so that
-- a plan is the real thing, taken back, and a refusal leaves its row in the ledger and nothing else.
CREATE OR REPLACE FUNCTION iu_core.fn_dot_command_run(
  p_command text, p_mode text, p_params jsonb DEFAULT '{}', p_reason text DEFAULT NULL, p_plan_digest text DEFAULT NULL,
  p_target_run_id bigint DEFAULT NULL, p_confirm text DEFAULT NULL, p_idempotency_key text DEFAULT NULL, p_token text DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET TimeZone = 'UTC'
SET quote_all_identifiers = off
SET standard_conforming_strings = on
SET bytea_output = hex
SET DateStyle = 'ISO, YMD'
SET IntervalStyle = postgres
SET extra_float_digits = 1
SET plpgsql.extra_errors = 'none'
AS $$
DECLARE
  v_started constant timestamptz := clock_timestamp();
  v_reason constant text := nullif(btrim(p_reason, E' \t\r\n'), '');
  v_who record;
  v_target dot_iu_command_run;     -- the run that is verified or undone
  v_command dot_iu_command;
  v_params jsonb := coalesce(p_params, '{}');
  v_param_digest bytea;
  v_input jsonb;                   -- the parameters without secrets
  v_plan dot_iu_command_run;
  v_run dot_iu_command_run;
  v_outcome jsonb;
  v_gates jsonb;
  v_problems text[];
  v_events_before bigint;
  v_overtaken bigint;
  v_drifted text;
  v_friction jsonb := '[]';        -- why this very change is of the second tier, though its command is not
  v_events jsonb := '[]';
  v_message text;
  v_detail text;
  v_hint text;
  v_column text;
BEGIN
  IF p_mode IS NULL OR p_mode NOT IN ('plan', 'apply', 'verify', 'rollback') THEN
    RAISE EXCEPTION 'mode: "%" is not plan, apply, verify or rollback', coalesce(left(p_mode, 40), 'null') USING ERRCODE = 'IU002', COLUMN = 'mode';
  END IF;
  -- Under a snapshot of its own the dispatcher would not see a gate that was closed meanwhile.
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'a command needs READ COMMITTED, not %', upper(current_setting('transaction_isolation')) USING ERRCODE = 'IU011';
  END IF;
  SELECT * INTO STRICT v_who FROM fn_iu_who(p_token);

  IF p_target_run_id IS NOT NULL THEN
    SELECT * INTO v_target FROM dot_iu_command_run WHERE id = p_target_run_id AND mode IN ('apply', 'rollback') AND status = 'succeeded';
    IF NOT FOUND THEN
      RAISE EXCEPTION 'run: % is no run that did something', p_target_run_id USING ERRCODE = 'IU003', COLUMN = 'run', HINT = 'Only an apply or a rollback that succeeded can be verified or undone.';
    ELSIF v_target.receipt ->> 'command' IS DISTINCT FROM p_command THEN
      RAISE EXCEPTION 'run: % is a run of %', p_target_run_id, v_target.receipt ->> 'command' USING ERRCODE = 'IU002', COLUMN = 'run';
    END IF;
  ELSIF p_mode IN ('verify', 'rollback') THEN
    RAISE EXCEPTION 'run: say which run to %', p_mode USING ERRCODE = 'IU002', COLUMN = 'run';
  END IF;
  -- What undoes a run is a command like any other, with that command's right, gates and friction.
  SELECT * INTO v_command FROM dot_iu_command
  WHERE command_code = CASE WHEN p_target_run_id IS NULL OR p_mode = 'verify' THEN p_command ELSE coalesce(v_target.receipt -> 'inverse' ->> 'command', p_command) END;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'command: there is no %', coalesce(left(p_command, 80), 'null') USING ERRCODE = 'IU003', COLUMN = 'command';
  END IF;
  IF fn_iu_right_rank(v_who.account_right) < fn_iu_right_rank(v_command.required_right) THEN
    RAISE EXCEPTION '% needs the right %, and % has %', v_command.command_code, v_command.required_right, v_who.actor, v_who.account_right USING ERRCODE = 'IU013';
  ELSIF NOT (v_who.scopes && ARRAY['*', v_command.command_code]) THEN
    RAISE EXCEPTION 'this token has no scope %', v_command.command_code USING ERRCODE = 'IU013', HINT = 'Its scopes: ' || array_to_string(v_who.scopes, ', ');
  END IF;

  IF p_mode = 'verify' THEN
    v_params := v_target.params;
    v_param_digest := v_target.param_digest;
  ELSIF p_target_run_id IS NOT NULL THEN
    v_params := coalesce(v_target.receipt -> 'inverse' -> 'params', '{}');
  END IF;
  -- Without its secrets: the console salts a password anew at each call, and a repeat must be known as one.
  v_input := CASE WHEN jsonb_typeof(v_params) = 'object' THEN v_params - v_command.secret_params ELSE v_params END;
  v_param_digest := coalesce(v_param_digest, sha256(convert_to(v_input::text, 'UTF8')));

  v_run.command_code := v_command.command_code; v_run.mode := p_mode; v_run.actor := v_who.actor; v_run.actor_kind := v_who.actor_kind;
  v_run.reason := left(v_reason, 2000); v_run.target_run_id := p_target_run_id; v_run.started_at := v_started; v_run.param_digest := v_param_digest;
  v_run.idempotency_key := CASE WHEN p_mode IN ('apply', 'rollback') THEN nullif(p_idempotency_key, '') END;
  v_run.object_refs := '{}'; v_run.event_count := 0;
  v_run.params := CASE WHEN p_mode = 'verify' THEN v_params ELSE fn_dot_params_kept(v_command, v_params) END;

  IF v_run.idempotency_key IS NOT NULL THEN
    IF octet_length(v_run.idempotency_key) > 200 THEN
      RAISE EXCEPTION 'idempotency_key: at most 200 bytes' USING ERRCODE = 'IU002', COLUMN = 'idempotency_key';
    END IF;
    -- The second click waits for the first, and is told what the first was told.
    PERFORM pg_advisory_xact_lock(hashtextextended('iu_core.command ' || v_run.actor || chr(10) || v_run.idempotency_key, 0));
    SELECT * INTO v_plan FROM dot_iu_command_run WHERE actor = v_run.actor AND idempotency_key = v_run.idempotency_key AND status = 'succeeded';
    IF FOUND THEN
      IF (v_plan.command_code, v_plan.mode, v_plan.param_digest) = (v_run.command_code, p_mode, v_param_digest) AND v_plan.target_run_id IS NOT DISTINCT FROM p_target_run_id THEN
        RETURN v_plan.receipt || '{"repeated": true}';
      END IF;
      v_run.idempotency_key := NULL;
      RETURN fn_dot_run_write(v_run, jsonb_build_object('status', 'refused', 'sqlstate', 'IU015', 'field', 'idempotency_key',
        'detail', format('the key was used for another input, by run %s', v_plan.id), 'hint', 'Use a new key for a new intention.'));
    END IF;
    v_plan := NULL;
  END IF;

  -- Outside of the subtransaction: what the comparison came to is kept, whatever becomes of the command.
  IF p_mode <> 'verify' AND p_target_run_id IS NULL AND NOT fn_dot_works_in_drift(v_command.command_code) THEN
    v_drifted := fn_dot_drift_refused(true) ->> v_command.command_code;
  END IF;

  BEGIN
    IF p_mode = 'verify' THEN
      RETURN fn_dot_run_verify(v_run, v_target);
    END IF;
    IF p_target_run_id IS NOT NULL THEN
      -- Two who undo one run take turns; the ledger's row is only locked, never changed.
      PERFORM FROM dot_iu_command_run WHERE id = p_target_run_id FOR UPDATE;
      IF v_target.receipt -> 'inverse' IS NULL OR v_target.receipt -> 'inverse' = 'null' THEN
        RAISE EXCEPTION 'run %: %', p_target_run_id, coalesce(v_target.receipt ->> 'irreversible', 'it cannot be undone') USING ERRCODE = 'IU017', COLUMN = 'run';
      ELSIF EXISTS (SELECT FROM dot_iu_command_run WHERE target_run_id = p_target_run_id AND mode = 'rollback' AND status = 'succeeded') THEN
        RAISE EXCEPTION 'run % is undone already', p_target_run_id USING ERRCODE = 'IU016', COLUMN = 'run';
      END IF;
    END IF;
    v_problems := ARRAY(SELECT regexp_replace(regexp_replace(p, '^\$:', 'params:'), '^\$\.?', '') FROM unnest(fn_iu_payload_problems(v_params, v_command.param_schema)) AS p);
    IF cardinality(v_problems) > 0 THEN
      RAISE EXCEPTION '%', array_to_string(v_problems, '; ') USING ERRCODE = 'IU002', COLUMN = split_part(v_problems[1], ':', 1);
    END IF;
    IF octet_length(v_reason) > 2000 OR v_reason ~ '[\x01-\x08\x0b-\x1f\x7f]' THEN
      RAISE EXCEPTION 'reason: at most 2000 bytes, without control characters' USING ERRCODE = 'IU002', COLUMN = 'reason';
    END IF;
    IF p_mode <> 'plan' THEN
      IF v_command.reason_required AND v_reason IS NULL THEN
        RAISE EXCEPTION 'reason: say why' USING ERRCODE = 'IU002', COLUMN = 'reason';
      ELSIF v_command.confirm_param IS NOT NULL AND p_confirm IS DISTINCT FROM v_params ->> v_command.confirm_param THEN
        RAISE EXCEPTION 'confirm: type %', v_params ->> v_command.confirm_param USING ERRCODE = 'IU002', COLUMN = 'confirm';
      ELSIF v_command.tier > 1 AND p_plan_digest IS NULL THEN
        RAISE EXCEPTION 'plan_digest: % is applied from a plan', v_command.command_code USING ERRCODE = 'IU002', COLUMN = 'plan_digest', HINT = 'Plan it, read the plan, and pass its digest.';
      END IF;
      IF p_plan_digest IS NOT NULL THEN
        SELECT * INTO v_plan FROM dot_iu_command_run
        WHERE plan_digest = CASE WHEN p_plan_digest ~ '^[0-9a-f]{64}$' THEN decode(p_plan_digest, 'hex') END AND status = 'planned'
          AND (command_code, param_digest) = (v_command.command_code, v_param_digest) AND target_run_id IS NOT DISTINCT FROM p_target_run_id
        ORDER BY id DESC LIMIT 1
        FOR UPDATE;
        IF NOT FOUND THEN
          RAISE EXCEPTION 'plan_digest: no plan of this command with these parameters has it' USING ERRCODE = 'IU014', COLUMN = 'plan_digest', HINT = 'Plan again.';
        ELSIF v_plan.finished_at < clock_timestamp() - interval '1 hour' THEN
          RAISE EXCEPTION 'plan_digest: the plan is of %, and a plan holds for an hour', v_plan.finished_at USING ERRCODE = 'IU014', COLUMN = 'plan_digest', HINT = 'Plan again.';
        END IF;
        v_run.plan_run_id := v_plan.id;
        IF EXISTS (SELECT FROM dot_iu_command_run WHERE plan_run_id = v_plan.id AND status = 'succeeded') THEN
          RAISE EXCEPTION 'plan_digest: this plan was applied already' USING ERRCODE = 'IU014', COLUMN = 'plan_digest', HINT = 'Plan again, if it is wanted twice.';
        END IF;
      END IF;
    END IF;
    PERFORM fn_iu_gate_require(g) FROM unnest(v_command.gates) AS g;
    IF v_drifted IS NOT NULL THEN
      RAISE EXCEPTION '% needs %, which is not as it was deployed', v_command.command_code, v_drifted USING ERRCODE = 'IU020',
        HINT = 'Conformance (v_dot_drift) shows what differs and how to put it right. Closing, disabling and undoing go on working.';
    END IF;
    SELECT jsonb_object_agg(gate, state) INTO v_gates FROM v_iu_gate;

    v_events_before := coalesce(pg_sequence_last_value('iu_core.event_outbox_id_seq'), 0);
    INSERT INTO dot_iu_acting (xid, actor) VALUES (pg_current_xact_id(), v_who.actor);
    EXECUTE format('SELECT iu_core.%I($1, $2)', v_command.command_code) INTO v_outcome
      USING v_params, jsonb_strip_nulls(jsonb_build_object('actor', v_who.actor, 'actor_kind', v_who.actor_kind, 'account_id', v_who.account_id,
        'right', v_who.account_right, 'reason', v_reason, 'frozen', v_plan.frozen));
    v_friction := CASE WHEN p_target_run_id IS NULL THEN coalesce(v_outcome -> 'friction', '[]') ELSE '[]' END;
    v_outcome := v_outcome || jsonb_build_object('notes', jsonb_path_query_array(v_friction, '$[*].what') || coalesce(v_outcome -> 'notes', '[]'));
    IF p_mode = 'apply' AND v_friction <> '[]' AND (p_plan_digest IS NULL OR v_reason IS NULL) THEN
      RAISE EXCEPTION '%: %', CASE WHEN p_plan_digest IS NULL THEN 'plan_digest' ELSE 'reason' END, (SELECT string_agg(f ->> 'what', ' ') FROM jsonb_array_elements(v_friction) AS f)
        USING ERRCODE = 'IU002', COLUMN = CASE WHEN p_plan_digest IS NULL THEN 'plan_digest' ELSE 'reason' END, HINT = 'Plan it, read the plan, and apply that plan with a reason.';
    END IF;
    -- What a constraint would refuse at the commit, it refuses here: a plan that passes is one that commits.
    -- Each by its name: ALL would be the caller's own too, and up to PostgreSQL 17 their triggers would run as the owner.
    SET CONSTRAINTS iu_core.iu_collection_piece_position_key IMMEDIATE;
    DELETE FROM dot_iu_acting WHERE xid = pg_current_xact_id();
    IF p_target_run_id IS NOT NULL THEN
      -- Asked when the handler holds its locks: whoever changed the same before is on record by now.
      v_overtaken := fn_dot_run_overtaken(v_target);
      IF v_overtaken IS NOT NULL THEN
        RAISE EXCEPTION 'run: what run % did was changed again by run %', p_target_run_id, v_overtaken USING ERRCODE = 'IU014', COLUMN = 'run',
          HINT = format('Undo run %s first, or ask for what is wanted by a command of its own.', v_overtaken);
      END IF;
    END IF;

    SELECT coalesce(jsonb_agg(jsonb_build_object('type', event_type, 'lane', delivery_lane, 'count', n) ORDER BY event_type COLLATE "C", delivery_lane), '[]'),
           coalesce(sum(n), 0), min(first), max(last)
    INTO v_events, v_run.event_count, v_run.event_from, v_run.event_to
    FROM (SELECT event_type, delivery_lane, count(*) AS n, min(id) AS first, max(id) AS last
          FROM event_outbox WHERE id > v_events_before AND xid = pg_current_xact_id() GROUP BY event_type, delivery_lane) AS e;
    v_run.state_digest := sha256(convert_to(coalesce(v_outcome -> 'state', '{}')::text, 'UTF8'));
    v_run.plan_digest := sha256(convert_to(v_command.command_code || chr(10) || v_input::text || chr(10) || v_gates::text || chr(10) || coalesce(v_outcome -> 'frozen', 'null')::text, 'UTF8') || v_run.state_digest);
    v_run.frozen := CASE WHEN p_mode = 'plan' THEN v_outcome -> 'frozen' END;
    SELECT coalesce(array_agg(DISTINCT r ORDER BY r), '{}') INTO v_run.object_refs
    FROM (SELECT o ->> 'ref' FROM jsonb_array_elements(coalesce(v_outcome -> 'objects', '[]')) AS o
          UNION ALL SELECT jsonb_array_elements_text(coalesce(v_outcome -> 'refs', '[]'))) AS touched(r);

    IF p_mode = 'plan' THEN
      RAISE EXCEPTION 'taken back' USING ERRCODE = 'XPLAN';
    END IF;
    IF v_plan.id IS NOT NULL AND v_plan.plan_digest <> v_run.plan_digest THEN
      RAISE EXCEPTION 'plan_digest: what the plan was made of has changed' USING ERRCODE = 'IU014', COLUMN = 'plan_digest',
        DETAIL = CASE WHEN v_plan.state_digest = v_run.state_digest THEN 'A gate has changed since.' ELSE 'The state has moved on since.' END, HINT = 'Plan again.';
    END IF;
    -- What was true at the start must be true at the end: a gate that closed meanwhile stops the command here.
    PERFORM fn_iu_gate_require(g) FROM unnest(v_command.gates) AS g;
    -- So must who acts, unless the command has just shut the door behind them, as a new password does.
    IF NOT EXISTS (SELECT FROM jsonb_array_elements(v_outcome -> 'objects') AS o
                   WHERE o ->> 'change' = 'update' AND (o ->> 'ref' = 'account:' || v_who.actor OR starts_with(o ->> 'ref', format('token:%s/', v_who.actor)))) THEN
      PERFORM FROM fn_iu_who(p_token);
    END IF;
    v_message := 'done';
  EXCEPTION
    WHEN serialization_failure OR deadlock_detected OR lock_not_available THEN
      RAISE;                                          -- the caller tries again with the same key
    WHEN SQLSTATE 'IU012' THEN
      RAISE;
    WHEN SQLSTATE 'XPLAN' THEN
      v_message := 'planned';
    WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS v_message = MESSAGE_TEXT, v_detail = PG_EXCEPTION_DETAIL, v_hint = PG_EXCEPTION_HINT, v_column = COLUMN_NAME;
      -- In the words of this command's parameters.
      IF fn_dot_field(v_column, v_command.param_schema) <> v_column THEN
        v_message := regexp_replace(v_message, '^' || v_column || ':', fn_dot_field(v_column, v_command.param_schema) || ':');
        v_column := fn_dot_field(v_column, v_command.param_schema);
      END IF;
      v_run.frozen := NULL; v_run.object_refs := '{}'; v_run.event_count := 0; v_run.event_from := NULL; v_run.event_to := NULL;
      RETURN fn_dot_run_write(v_run, jsonb_build_object(
        'status', CASE WHEN fn_dot_refusal_code(SQLSTATE) IS NULL THEN 'failed' ELSE 'refused' END, 'sqlstate', SQLSTATE,
        'field', nullif(v_column, ''), 'friction', CASE WHEN v_column IN ('plan_digest', 'reason') THEN nullif(jsonb_path_query_array(v_friction, '$[*].because'), '[]') END, 'detail', v_message, 'more', nullif(v_detail, ''), 'hint', nullif(v_hint, ''),
        'errors', CASE WHEN cardinality(v_problems) > 0 THEN (SELECT jsonb_agg(jsonb_build_object('field', split_part(p, ': ', 1), 'message', substr(p, length(split_part(p, ': ', 1)) + 3))) FROM unnest(v_problems) AS p) END));
  END;
  RETURN fn_dot_run_write(v_run, jsonb_build_object('status', CASE p_mode WHEN 'plan' THEN 'planned' ELSE 'succeeded' END, 'events', v_events), v_outcome);
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_command_run(text, text, jsonb, text, text, bigint, text, text, text) IS 'Runs a command for who holds the token (without one: for the login): plan, apply, verify or rollback; returns the receipt, which is also the ledger''s row. A refusal is returned, not raised. Raises 40001, 40P01 and 55P03 (try again with the same key), IU012 nobody, IU013 no right, IU003 unknown command or run, IU002 bad mode or key, IU011 isolation; these leave no row';
REVOKE ALL ON FUNCTION iu_core.fn_dot_command_run(text, text, jsonb, text, text, bigint, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_dot_command_run(text, text, jsonb, text, text, bigint, text, text, text) TO iu_console, iu_operator, iu_approver;

-- requires: fn_iu_begins_text, fn_iu_collection_first, fn_iu_separator, information_unit, iu_collection, unit_version
CREATE OR REPLACE FUNCTION iu_core.fn_iu_compose(
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

-- requires: iu_import_base, iu_collection, iu_collection_piece, information_unit, unit_version
CREATE OR REPLACE VIEW iu_core.v_iu_collection_health AS
SELECT c.id AS collection_id, c.canonical_address,
       p.pieces = c.piece_count AND p.bytes = c.byte_length AND p.missing_body = 0 AND p.retired_inside = 0 AND c.render_revision IS NOT DISTINCT FROM c.revision
         AND (c.source_digest IS NULL OR c.render_digest = c.source_digest OR b.revision IS DISTINCT FROM c.revision) AS healthy,
       p.pieces, c.piece_count AS pieces_counted, p.bytes, c.byte_length AS bytes_counted, p.missing_body, p.retired_inside,
       c.render_revision IS DISTINCT FROM c.revision AS render_stale,
       c.source_digest IS NOT NULL AND c.render_digest IS DISTINCT FROM c.source_digest AND b.revision IS NOT DISTINCT FROM c.revision AS differs_from_source
FROM iu_core.iu_collection AS c
LEFT JOIN iu_core.iu_import_base AS b ON b.id = c.base_id
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
COMMENT ON VIEW iu_core.v_iu_collection_health IS 'Each collection counted anew from its rows: pieces and bytes, missing bodies, retired pieces inside, stale rendering, or one that differs from the source though nobody has edited it since';
GRANT SELECT ON iu_core.v_iu_collection_health TO iu_reader;

-- requires: iu_collection, iu_import_base
CREATE OR REPLACE VIEW iu_core.v_iu_collection_manifest AS
SELECT c.id AS collection_id, c.canonical_address, c.collection_kind, c.title, c.status, c.source_path, c.revision, c.piece_count, c.byte_length,
       encode(c.manifest_digest, 'hex') AS manifest_digest, c.manifest_revision, c.manifest_revision IS NOT DISTINCT FROM c.revision AS manifest_current,
       encode(c.render_digest, 'hex') AS render_digest, c.render_revision,
       encode(c.source_digest, 'hex') AS source_digest, c.source_byte_length,
       CASE WHEN c.source_digest IS NULL THEN 'no_source'
            WHEN c.render_revision = c.revision AND c.render_digest = c.source_digest THEN 'identical'
            -- Nobody has touched it since the import, and still it is not what was imported: only that is a fault.
            WHEN b.revision = c.revision THEN CASE WHEN c.render_revision = c.revision THEN 'differs' ELSE 'stale' END
            ELSE 'edited' END AS round_trip,
       c.created_at, c.created_by, c.updated_at
FROM iu_core.iu_collection AS c LEFT JOIN iu_core.iu_import_base AS b ON b.id = c.base_id
WHERE c.status = 'active';
COMMENT ON VIEW iu_core.v_iu_collection_manifest IS 'One row a collection: counts, digests, and its round trip: identical to the file that it was cut from, edited since the import, or (a fault) differing without an edit';
GRANT SELECT ON iu_core.v_iu_collection_manifest TO iu_reader;

-- requires: fn_iu_append_only, iu_import_base, iu_core
CREATE TRIGGER trg_iu_import_base_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON iu_core.iu_import_base
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_append_only();
COMMENT ON TRIGGER trg_iu_import_base_append_only ON iu_core.iu_import_base IS 'A checkpoint is frozen.';
