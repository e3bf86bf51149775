-- unit: schema

ALTER TABLE iu_core.dot_config ALTER COLUMN changed_by SET DEFAULT ('db:' || session_user);

ALTER TABLE iu_core.dot_inventory ALTER COLUMN registered_by SET DEFAULT ('db:' || session_user);

ALTER TABLE iu_core.dot_iu_command ALTER COLUMN registered_by SET DEFAULT ('db:' || session_user);

ALTER TABLE iu_core.iu_event_type ALTER COLUMN registered_by SET DEFAULT ('db:' || session_user);

ALTER TABLE iu_core.event_outbox ALTER COLUMN actor SET DEFAULT ('db:' || session_user);

ALTER TABLE iu_core.information_unit ALTER COLUMN created_by SET DEFAULT ('db:' || session_user);
ALTER TABLE iu_core.information_unit ADD COLUMN title_is_derived boolean NOT NULL DEFAULT false;
-- What was imported had its title made of its text.
ALTER TABLE iu_core.information_unit ALTER COLUMN title_is_derived DROP DEFAULT, ALTER COLUMN title_is_derived TYPE boolean USING source_path IS NOT NULL, ALTER COLUMN title_is_derived SET DEFAULT false;
COMMENT ON COLUMN iu_core.information_unit.title_is_derived IS 'the title is made of the text and follows it; somebody''s own title stays';

ALTER TABLE iu_core.iu_archive ALTER COLUMN made_by SET DEFAULT ('db:' || session_user);

ALTER TABLE iu_core.iu_archive_move ALTER COLUMN moved_by SET DEFAULT ('db:' || session_user);

ALTER TABLE iu_core.iu_backup_evidence ALTER COLUMN checked_by SET DEFAULT ('db:' || session_user);

ALTER TABLE iu_core.iu_collection ALTER COLUMN created_by SET DEFAULT ('db:' || session_user);
ALTER TABLE iu_core.iu_collection ADD COLUMN base_id bigint;
COMMENT ON COLUMN iu_core.iu_collection.base_id IS 'what the last import wrote (iu_import_base); null where that is not on record';

-- requires: dot_iu_acting, iu_core
CREATE OR REPLACE FUNCTION iu_core.fn_iu_actor()
RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT coalesce((SELECT actor FROM dot_iu_acting WHERE xid = pg_current_xact_id_if_assigned()), 'db:' || session_user) $$;
COMMENT ON FUNCTION iu_core.fn_iu_actor() IS 'For whom this is written: the actor of the command under way, or the login as db:NAME, which no account is called';
REVOKE ALL ON FUNCTION iu_core.fn_iu_actor() FROM PUBLIC;

ALTER TABLE iu_core.iu_collection_checkpoint ADD COLUMN base_id bigint;
COMMENT ON COLUMN iu_core.iu_collection_checkpoint.base_id IS 'what the last import before it wrote';

ALTER TABLE iu_core.unit_version ALTER COLUMN created_by SET DEFAULT ('db:' || session_user);

ALTER TABLE iu_core.iu_exporter ALTER COLUMN created_by SET DEFAULT ('db:' || session_user);

ALTER TABLE iu_core.iu_held_decision ALTER COLUMN decided_by SET DEFAULT ('db:' || session_user);

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

-- requires: iu_core
-- A row lives only inside the statement that writes it, and stays written until its transaction ends: whoever writes the
-- same one waits until then. An advisory lock could be taken by any login that guesses its number.
CREATE TABLE iu_core.iu_lock (
  name_digest bytea CONSTRAINT iu_lock_pkey PRIMARY KEY
) WITH (autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);
COMMENT ON TABLE iu_core.iu_lock IS 'What takes turns, by the SHA-256 of its name; empty for everybody to see';

ALTER TABLE iu_core.iu_outbound_route ALTER COLUMN registered_by SET DEFAULT ('db:' || session_user);

ALTER TABLE iu_core.iu_replay_job ALTER COLUMN started_by SET DEFAULT ('db:' || session_user);

ALTER TABLE iu_core.iu_route_worker_run ALTER COLUMN run_by SET DEFAULT ('db:' || session_user);

DROP INDEX iu_core.iu_sign_in_failure_account_idx, iu_core.iu_sign_in_failure_client_idx;
CREATE INDEX iu_sign_in_failure_pair_idx ON iu_core.iu_sign_in_failure (account_digest, client_digest, failed_at);
CREATE INDEX iu_sign_in_failure_time_idx ON iu_core.iu_sign_in_failure (failed_at);

ALTER TABLE iu_core.iu_worker_process ALTER COLUMN run_by SET DEFAULT ('db:' || session_user);

ALTER TABLE iu_core.iu_worker_schedule ALTER COLUMN changed_by SET DEFAULT ('db:' || session_user);

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
SET standard_conforming_strings = on
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
SET standard_conforming_strings = on
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
SET standard_conforming_strings = on
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
SET standard_conforming_strings = on
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
SET standard_conforming_strings = on
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
SET standard_conforming_strings = on
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

-- requires: iu_core, iu_lock
CREATE FUNCTION iu_core.fn_iu_lock(p_name text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET lock_timeout = '10s'
AS $$
DECLARE
  v_digest constant bytea := sha256(convert_to(p_name, 'UTF8'));
BEGIN
  INSERT INTO iu_lock (name_digest) VALUES (v_digest);
  DELETE FROM iu_lock WHERE name_digest = v_digest;
EXCEPTION WHEN lock_not_available THEN
  RAISE EXCEPTION 'another command is at work on the same (%)', p_name
    USING ERRCODE = '55P03', DETAIL = coalesce((
            SELECT 'At work: ' || string_agg(format('%s, process %s, since %s', a.usename, a.pid, to_char(a.xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')), '; ' ORDER BY a.xact_start)
            FROM pg_stat_activity AS a WHERE a.pid <> pg_backend_pid() AND EXISTS (
              SELECT FROM pg_locks AS l WHERE l.pid = a.pid AND l.locktype = 'relation' AND l.relation = 'iu_core.iu_lock'::regclass AND l.mode = 'RowExclusiveLock' AND l.granted)), 'It has ended by now.'),
          HINT = 'Try again. Where it stays so, end that process: SELECT pg_terminate_backend(PROCESS).';
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_lock(text) IS 'Waits until no other transaction has this name, and keeps it until the end of its own; 55P03 after ten seconds, with who is at work';
REVOKE ALL ON FUNCTION iu_core.fn_iu_lock(text) FROM PUBLIC;

-- requires: fn_iu_lock, iu_account, iu_core
CREATE OR REPLACE FUNCTION iu_core.fn_dot_account_keep_admin(p_account iu_core.iu_account)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  -- Two who take each other's right away at once must not leave nobody.
  PERFORM fn_iu_lock('iu_core.admins');
  IF (p_account).account_right = 'admin' AND NOT EXISTS (SELECT FROM iu_account WHERE account_right = 'admin' AND status = 'active' AND id <> (p_account).id) THEN
    RAISE EXCEPTION 'account: % is the last admin', (p_account).account USING ERRCODE = 'IU009', COLUMN = 'account', HINT = 'Make another account an admin first.';
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_account_keep_admin(iu_core.iu_account) IS 'Raises IU009 when this account is the last admin who can sign in';
REVOKE ALL ON FUNCTION iu_core.fn_dot_account_keep_admin(iu_core.iu_account) FROM PUBLIC;

-- requires: fn_iu_actor, fn_iu_lock, iu_worker_schedule, v_iu_worker_schedule
CREATE OR REPLACE FUNCTION iu_core.fn_dot_schedule_switched(p_enabled boolean, p_poll_ms integer, p_batch_size integer, p_reason text)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_before jsonb;
  v_after jsonb;
BEGIN
  -- Two who switch it take turns, also while there is no row to lock.
  PERFORM fn_iu_lock('iu_core.iu_worker_schedule');
  SELECT jsonb_build_object('enabled', enabled, 'poll_ms', poll_ms, 'batch_size', batch_size) INTO STRICT v_before FROM v_iu_worker_schedule;
  v_after := v_before || jsonb_strip_nulls(jsonb_build_object('enabled', p_enabled, 'poll_ms', p_poll_ms, 'batch_size', p_batch_size));
  IF v_after = v_before THEN
    RAISE EXCEPTION 'the schedule is % already', CASE WHEN p_enabled THEN 'enabled like that' ELSE 'disabled' END USING ERRCODE = 'IU016';
  END IF;
  INSERT INTO iu_worker_schedule (enabled, poll_ms, batch_size, reason, changed_by)
  VALUES ((v_after -> 'enabled')::boolean, (v_after -> 'poll_ms')::integer, (v_after -> 'batch_size')::integer, p_reason, fn_iu_actor())
  ON CONFLICT (schedule_code) DO UPDATE
  SET enabled = excluded.enabled, poll_ms = excluded.poll_ms, batch_size = excluded.batch_size, reason = excluded.reason, changed_by = excluded.changed_by, changed_at = clock_timestamp();
  RETURN jsonb_build_object(
    'state', v_before,
    'objects', jsonb_build_array(jsonb_build_object('ref', 'schedule:console', 'change', 'update', 'before', v_before, 'after', v_after)),
    'result', v_after,
    'checks', jsonb_build_array(jsonb_build_object('name', CASE WHEN p_enabled THEN 'schedule_is_enabled' ELSE 'schedule_is_disabled' END, 'kind', 'schedule') || v_after),
    'inverse', CASE WHEN (v_before -> 'enabled')::boolean
      THEN jsonb_build_object('command', 'dot_iu_enable_schedule', 'params', v_before - 'enabled')
      ELSE jsonb_build_object('command', 'dot_iu_disable_schedule', 'params', '{}'::jsonb) END);
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_schedule_switched(boolean, integer, integer, text) IS 'Switches the consoles'' schedule, or changes its pace, and returns what the handlers return; IU016 it is so already';
REVOKE ALL ON FUNCTION iu_core.fn_dot_schedule_switched(boolean, integer, integer, text) FROM PUBLIC;

-- requires: fn_dot_frozen, fn_dot_thawed, fn_iu_lock, iu_core, v_iu_held_event
CREATE OR REPLACE FUNCTION iu_core.fn_dot_held(p_params jsonb, p_context jsonb)
RETURNS bigint[]
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  -- One decision at a time on what is held: none is released and discarded both.
  PERFORM fn_iu_lock('iu_core.held_events');
  RETURN CASE WHEN p_context ? 'frozen' THEN fn_dot_thawed(p_context -> 'frozen')
    ELSE ARRAY(SELECT event_id FROM v_iu_held_event
               WHERE (NOT p_params ? 'event_type' OR event_type = p_params ->> 'event_type') AND (NOT p_params ? 'through' OR event_id <= (p_params ->> 'through')::bigint)
               ORDER BY event_id LIMIT coalesce((p_params ->> 'limit')::integer, 10000)) END;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_held(jsonb, jsonb) IS 'The held events that a command is about: those that its plan froze, or those that match; nobody else decides on held events until the caller''s transaction ends';
REVOKE ALL ON FUNCTION iu_core.fn_dot_held(jsonb, jsonb) FROM PUBLIC;

-- requires: iu_core
-- A line end that becomes another cannot be seen in a text, so the plan says it. Lines that are new or gone are no such change.
CREATE FUNCTION iu_core.fn_dot_line_end_notes(p_before text, p_after text)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH counted AS (
    SELECT side, text, pairs, length(text) - length(replace(text, E'\r', '')) - pairs AS crs, length(text) - length(replace(text, E'\n', '')) - pairs AS lfs
    FROM (SELECT side, text, (length(text) - length(replace(text, E'\r\n', ''))) / 2 AS pairs
          FROM (VALUES ('before', coalesce(p_before, '')), ('after', coalesce(p_after, ''))) AS given(side, text)) AS of_pairs
  ), kinds AS (
    SELECT k.n, k.kind, k.before, k.after
    FROM counted AS b, counted AS a, LATERAL (VALUES (1, 'CRLF', b.pairs, a.pairs), (2, 'CR', b.crs, a.crs), (3, 'LF', b.lfs, a.lfs)) AS k(n, kind, before, after)
    WHERE b.side = 'before' AND a.side = 'after'
  )
  SELECT coalesce(jsonb_agg(note ORDER BY n), '[]')
  FROM (
    SELECT 1 AS n, 'Line ends change: ' || string_agg(format('%s %s → %s', kind, before, after), ', ' ORDER BY kinds.n) FILTER (WHERE before <> after) || '.' AS note
    FROM kinds
    -- Some became fewer while others became more, or there is a kind beside those that the text had.
    HAVING (bool_or(after < before) AND bool_or(after > before)) OR (bool_or(before > 0) AND bool_or(before = 0 AND after > 0))
    UNION ALL
    SELECT 2, CASE WHEN right(p_after, 1) IN (E'\r', E'\n') THEN 'The text now ends with a line end.' ELSE 'The text no longer ends with a line end.' END
    WHERE p_before <> '' AND p_after <> '' AND right(p_before, 1) IN (E'\r', E'\n') <> (right(p_after, 1) IN (E'\r', E'\n'))
  ) AS notes
$$;
COMMENT ON FUNCTION iu_core.fn_dot_line_end_notes(text, text) IS 'What a plan says where a text''s line ends become others, or its last line end comes or goes; an empty list where neither is so';
REVOKE ALL ON FUNCTION iu_core.fn_dot_line_end_notes(text, text) FROM PUBLIC;

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

-- requires: fn_iu_import_base_put, fn_iu_import_over, fn_iu_lock, iu_collection, iu_collection_piece, iu_import_base
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
  PERFORM fn_iu_lock('iu_core.import ' || p_source_path);
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

-- requires: fn_dot_line_end_notes, fn_dot_loss, fn_iu_collection_return, fn_iu_import_file, fn_iu_lock, iu_core
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
  v_text text;                    -- what it was
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
    PERFORM fn_iu_lock('iu_core.import ' || (p_params ->> 'source_path'));
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

  v_text := fn_iu_collection_render(v_before.id);
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
    'notes', CASE WHEN v_before.id IS NULL THEN '[]' ELSE fn_dot_line_end_notes(v_text, coalesce(p_params ->> 'text', fn_iu_collection_render(v_after.id))) END,
    'checks', jsonb_build_array(jsonb_build_object('name', 'renders_to_the_text', 'kind', 'rendered', 'collection', v_after.canonical_address, 'sha256', encode(v_after.render_digest, 'hex'), 'revision', v_after.revision)),
    'inverse', CASE WHEN v_outcome <> 'unchanged' AND v_retired IS NULL THEN jsonb_build_object('command', 'dot_iu_import_text', 'params', jsonb_build_object('collection', v_after.canonical_address, 'checkpoint', v_checkpoint, 'expect_revision', v_after.revision)) END,
    'irreversible', CASE WHEN v_outcome = 'unchanged' THEN 'Nothing was changed.' ELSE format('%s is retired and has left the collection. Restore it, then return to checkpoint %s.', v_retired, v_checkpoint) END);
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_import_text(jsonb, jsonb) IS 'Brings a source to a new text, cut into pieces, or a collection back to a checkpoint (0 = empty); what was before is kept as a checkpoint';
REVOKE ALL ON FUNCTION iu_core.dot_iu_import_text(jsonb, jsonb) FROM PUBLIC;

-- requires: dot_iu_command_run, iu_account, iu_core
CREATE FUNCTION iu_core.fn_dot_own_password(p_account iu_core.iu_account, p_key text)
RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  IF (p_account).status <> 'active' THEN
    RAISE EXCEPTION 'the account was disabled meanwhile' USING ERRCODE = 'IU012';
  END IF;
  -- Whatever command they were given to: a session left open is not a place to guess.
  IF 5 <= (SELECT count(*) FROM dot_iu_command_run
           WHERE actor = (p_account).account AND code = 'invalid_parameter' AND receipt ->> 'field' = 'current_password' AND finished_at > clock_timestamp() - interval '15 minutes') THEN
    RAISE EXCEPTION 'current_password: too many wrong ones' USING ERRCODE = 'IU019', COLUMN = 'current_password', HINT = 'Wait a quarter of an hour, or ask an admin to set the password.';
  END IF;
  IF ((p_account).password_verifier = sha256(decode(p_key, 'hex'))) IS NOT TRUE THEN
    RAISE EXCEPTION 'current_password: it is not the present one' USING ERRCODE = 'IU002', COLUMN = 'current_password';
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_own_password(iu_core.iu_account, text) IS 'Raises unless this is the key of the account''s present password: a session left open is not enough to take the account over, nor to make a token. IU002 wrong, IU019 too many wrong ones, IU012 disabled';
REVOKE ALL ON FUNCTION iu_core.fn_dot_own_password(iu_core.iu_account, text) FROM PUBLIC;

-- requires: fn_dot_account, fn_dot_own_password, fn_iu_token, iu_api_token, iu_core
CREATE OR REPLACE FUNCTION iu_core.dot_iu_issue_token(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_token constant text := 'iut_' || fn_iu_token();
  v_account constant text := p_context ->> 'actor';
  v_expires timestamptz;
  v_wrong text;
  v_id bigint;
BEGIN
  IF NOT p_context ? 'account_id' THEN
    RAISE EXCEPTION 'a token belongs to an account, and % is none', v_account USING ERRCODE = 'IU013', HINT = 'Sign in with an account.';
  ELSIF p_context ->> 'actor_kind' = 'token' THEN
    RAISE EXCEPTION 'a token does not issue tokens' USING ERRCODE = 'IU013', HINT = 'Sign in with the password.';
  END IF;
  PERFORM fn_dot_own_password(fn_dot_account(v_account), p_params ->> 'current_key');
  BEGIN
    v_expires := (p_params ->> 'expires_at')::timestamptz;
  EXCEPTION WHEN invalid_datetime_format OR datetime_field_overflow OR invalid_time_zone_displacement_value THEN
    RAISE EXCEPTION 'expires_at: "%" is no time', left(p_params ->> 'expires_at', 80) USING ERRCODE = 'IU002', COLUMN = 'expires_at', HINT = 'Write it as 2030-01-31T12:00:00Z.';
  END;
  IF v_expires <= clock_timestamp() OR v_expires > clock_timestamp() + interval '366 days' THEN
    RAISE EXCEPTION 'expires_at: a token lives for a year at most' USING ERRCODE = 'IU002', COLUMN = 'expires_at';
  END IF;
  SELECT s INTO v_wrong FROM jsonb_array_elements_text(p_params -> 'scopes') AS s WHERE s NOT IN ('read', '*') AND NOT EXISTS (SELECT FROM dot_iu_command WHERE command_code = s) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'scopes: "%" is no scope', v_wrong USING ERRCODE = 'IU002', COLUMN = 'scopes', HINT = 'read, a command''s code, or *.';
  END IF;
  INSERT INTO iu_api_token (account_id, label, token_digest, scopes, created_by, expires_at)
  VALUES ((p_context ->> 'account_id')::bigint, p_params ->> 'label', sha256(convert_to(v_token, 'UTF8')), ARRAY(SELECT DISTINCT s FROM jsonb_array_elements_text(p_params -> 'scopes') AS s ORDER BY s), v_account, v_expires)
  RETURNING id INTO v_id;
  RETURN jsonb_build_object(
    'secret', jsonb_build_object('token', v_token),
    'objects', jsonb_build_array(jsonb_build_object('ref', format('token:%s/%s', v_account, p_params ->> 'label'), 'change', 'create', 'after', jsonb_build_object('scopes', p_params -> 'scopes', 'expires_at', v_expires))),
    'refs', jsonb_build_array('account:' || v_account),
    'result', jsonb_build_object('label', p_params -> 'label', 'expires_at', v_expires),
    'notes', jsonb_build_array('The token is shown once, here. It is kept nowhere.'),
    'checks', jsonb_build_array(jsonb_build_object('name', 'token_is_live', 'kind', 'token', 'token', v_id, 'live', true)),
    'inverse', jsonb_build_object('command', 'dot_iu_revoke_token', 'params', jsonb_build_object('token', v_id)));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_issue_token(jsonb, jsonb) IS 'Issues an API token for the account that asks, with its present password: told once, scoped, expiring';
REVOKE ALL ON FUNCTION iu_core.dot_iu_issue_token(jsonb, jsonb) FROM PUBLIC;

-- requires: dot_config, fn_dot_instant, fn_dot_gate_facts, fn_iu_gate_set, iu_core
CREATE OR REPLACE FUNCTION iu_core.dot_iu_open_gate(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_gate constant text := p_params ->> 'gate';
  v_before jsonb;
  v_expires timestamptz;
BEGIN
  -- Judged on the row that is written: who is closing or opening it at this moment goes first.
  PERFORM FROM dot_config WHERE key = v_gate FOR UPDATE;
  v_before := fn_dot_gate_facts(v_gate);
  v_expires := fn_dot_instant(p_params, 'expires_at');
  IF v_before ->> 'state' = 'open' AND v_expires IS NOT DISTINCT FROM (v_before ->> 'expires_at')::timestamptz THEN
    RAISE EXCEPTION 'gate: % is open already', v_gate USING ERRCODE = 'IU016', COLUMN = 'gate';
  -- Who closed it, or gave it the end that has come, does not open it: the second person. The schema's owner is no person, and could write the row anyway.
  ELSIF v_before ->> 'state' IN ('closed', 'expired') AND v_before ->> 'by' = p_context ->> 'actor' AND p_context ->> 'actor_kind' <> 'owner' THEN
    RAISE EXCEPTION 'gate: % %, and does not open it again', p_context ->> 'actor', CASE v_before ->> 'state' WHEN 'closed' THEN 'closed it' ELSE 'gave it the end that has come' END
      USING ERRCODE = 'IU018', COLUMN = 'gate', HINT = 'Ask another approver.';
  ELSIF v_before ->> 'state' IN ('missing', 'malformed') AND EXISTS (SELECT FROM iu_vocabulary WHERE term_class = 'gate' AND term = v_gate) THEN
    PERFORM fn_iu_gate_repair(v_gate);
  END IF;
  PERFORM fn_iu_gate_set(v_gate, true, coalesce(p_context ->> 'reason', 'a plan'), v_expires);
  -- One that was open already, until another time, is open until that time again.
  RETURN fn_dot_gate_changed(v_gate, v_before, CASE v_before ->> 'state'
      WHEN 'open' THEN jsonb_build_object('command', 'dot_iu_open_gate', 'params', jsonb_strip_nulls(jsonb_build_object('gate', v_gate, 'expires_at', v_before -> 'expires_at')))
      ELSE jsonb_build_object('command', 'dot_iu_close_gate', 'params', jsonb_build_object('gate', v_gate)) END)
    || jsonb_build_object('notes', fn_dot_gate_would_release(v_gate));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_open_gate(jsonb, jsonb) IS 'Opens a gate, until a time where one is given';
REVOKE ALL ON FUNCTION iu_core.dot_iu_open_gate(jsonb, jsonb) FROM PUBLIC;

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
  v_before := (SELECT to_jsonb(t) - 'registered_at' - 'registered_by' - 'payload_predicate' - 'payload_keys' FROM iu_event_type AS t WHERE event_type = v_type);
  IF v_type !~ '^[a-z0-9_]+([.][a-z0-9_]+)*$' THEN
    RAISE EXCEPTION 'event_type: "%" is no name of a type', left(v_type, 80) USING ERRCODE = 'IU002', COLUMN = 'event_type', HINT = 'Use a-z 0-9 _ joined by dots.';
  END IF;
  PERFORM fn_iu_event_types_register('application', coalesce(p_params ->> 'delivery_lane', 'delayed'), false,
    jsonb_build_object(v_type, jsonb_build_object('description', p_params ->> 'description', 'payload_schema', coalesce(p_params -> 'payload_schema', '{}'))));
  v_after := (SELECT to_jsonb(t) - 'registered_at' - 'registered_by' - 'payload_predicate' - 'payload_keys' FROM iu_event_type AS t WHERE event_type = v_type);
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

-- requires: dot_inventory, fn_dot_inventory_register, fn_iu_lock, fn_iu_routes_register, iu_core
CREATE OR REPLACE FUNCTION iu_core.dot_iu_register_route(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_code constant text := p_params ->> 'route';
  v_before jsonb;
  v_after jsonb;
BEGIN
  PERFORM fn_iu_lock('iu_core.route ' || v_code);
  v_before := (SELECT jsonb_build_object('event_type', event_type, 'target_kind', target_kind, 'target_ref', target_ref, 'enabled', enabled, 'dry_run', dry_run) FROM iu_outbound_route WHERE route_code = v_code);
  IF v_code !~ '^[a-z0-9_]+([.][a-z0-9_]+)*$' THEN
    RAISE EXCEPTION 'route: "%" is no code of a route', left(v_code, 80) USING ERRCODE = 'IU002', COLUMN = 'route', HINT = 'Use a-z 0-9 _ joined by dots.';
  ELSIF EXISTS (SELECT FROM iu_event_type WHERE event_type IN (p_params ->> 'event_type', v_before ->> 'event_type') AND is_system) AND v_before IS NOT NULL THEN
    RAISE EXCEPTION 'route: % is one of the system''s', v_code USING ERRCODE = 'IU008', COLUMN = 'route', HINT = 'Choose another code.';
  END IF;
  IF v_before IS NOT NULL AND p_params ? 'enabled' AND p_params -> 'enabled' <> v_before -> 'enabled' THEN
    RAISE EXCEPTION 'enabled: a route that is known keeps its switch' USING ERRCODE = 'IU002', COLUMN = 'enabled', HINT = 'Use dot_iu_enable_route or dot_iu_disable_route.';
  END IF;
  PERFORM fn_iu_routes_register(jsonb_build_object(v_code, jsonb_build_object('event_type', p_params -> 'event_type', 'target_kind', p_params -> 'target_kind', 'target_ref', p_params -> 'target_ref', 'enabled', coalesce(p_params -> 'enabled', 'false'))));
  v_after := (SELECT jsonb_build_object('event_type', event_type, 'target_kind', target_kind, 'target_ref', target_ref, 'enabled', enabled, 'dry_run', dry_run) FROM iu_outbound_route WHERE route_code = v_code);
  -- What was made by hand exactly so is taken into the inventory, which does not have it.
  IF v_after = v_before AND EXISTS (SELECT FROM dot_inventory WHERE (class, identity) = ('route', v_code)) THEN
    RAISE EXCEPTION 'route: % is registered like that already', v_code USING ERRCODE = 'IU016', COLUMN = 'route';
  END IF;
  PERFORM fn_dot_inventory_register(NULL, '[]', 'route', v_code);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('before', v_before),
    'objects', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('ref', 'route:' || v_code, 'change', CASE WHEN v_before IS NULL THEN 'create' ELSE 'update' END, 'before', v_before, 'after', v_after))),
    'result', jsonb_build_object('route', v_code),
    'checks', jsonb_build_array(jsonb_build_object('name', 'route_is_registered', 'kind', 'route', 'route', v_code, 'enabled', v_after -> 'enabled')),
    'inverse', CASE WHEN v_before IS NOT NULL THEN jsonb_build_object('command', 'dot_iu_register_route', 'params', jsonb_build_object('route', v_code) || (v_before - 'enabled' - 'dry_run'))
                    WHEN (v_after -> 'enabled')::boolean THEN jsonb_build_object('command', 'dot_iu_disable_route', 'params', jsonb_build_object('route', v_code)) END,
    'irreversible', CASE WHEN v_before IS NULL AND NOT (v_after -> 'enabled')::boolean THEN 'A route stays registered; disabled, it delivers nothing.' END);
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_register_route(jsonb, jsonb) IS 'Registers a route as a dry run; known under the same code it is redefined, and loses its approval';
REVOKE ALL ON FUNCTION iu_core.dot_iu_register_route(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_iu_archive_content, fn_iu_attempt_block_count, fn_iu_lock, iu_archive_move, iu_core, v_iu_archive
-- Locks old events and the audit, nothing that a pass or an emitter waits for.
CREATE OR REPLACE FUNCTION iu_core.dot_iu_remove_archived_events(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_archive v_iu_archive;
  v_batch record;
  v_events bigint;
  v_attempts bigint;
  v_keyed bigint;
BEGIN
  -- The audit stands still meanwhile, and no cursor begins to read everything once more.
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.iu_event_audit'));
  -- Nor does a replay begin: what it freezes stays.
  PERFORM fn_iu_lock('iu_core.iu_replay_job');
  SELECT * INTO v_archive FROM v_iu_archive WHERE archive_id = (p_params ->> 'archive')::bigint;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'archive: there is no %', p_params ->> 'archive' USING ERRCODE = 'IU003', COLUMN = 'archive';
  ELSIF v_archive.is_removed THEN
    RAISE EXCEPTION 'archive: the events of % are removed already', p_params ->> 'archive' USING ERRCODE = 'IU016', COLUMN = 'archive';
  END IF;
  -- A replay locks its event: it is finished before the rows are compared, or finds no event after.
  PERFORM FROM event_outbox WHERE id BETWEEN v_archive.first_id AND v_archive.last_id ORDER BY id FOR UPDATE;
  SELECT * INTO v_batch FROM fn_iu_archive_content(v_archive.older_than, v_archive.first_id - 1, v_archive.last_id, 100000, 1073741824);
  IF encode(sha256(convert_to(v_batch.content, 'UTF8')), 'hex') IS DISTINCT FROM v_archive.content_digest THEN
    RAISE EXCEPTION 'archive: the events of % are not what its file holds', p_params ->> 'archive'
      USING ERRCODE = 'IU014', COLUMN = 'archive', HINT = 'Something happened to them since, or they must stay: archive them anew.';
  END IF;
  SELECT count(*) INTO v_keyed FROM event_outbox WHERE id = ANY (v_batch.event_ids) AND idempotency_key IS NOT NULL;
  PERFORM fn_iu_attempt_block_count(v_batch.event_ids, -1);
  INSERT INTO iu_archive_move (archive_id, move, moved_by, event_ids, attempt_counts)
  SELECT v_archive.archive_id, 'removed', fn_iu_actor(), (SELECT range_agg(int8range(i, i, '[]')) FROM unnest(v_batch.event_ids) AS i),
         (SELECT jsonb_agg(jsonb_build_object('worker_code', worker_code, 'hour', hour, 'route_id', route_id, 'status', status, 'attempts', n))
          FROM (SELECT a.worker_code, extract(epoch FROM date_trunc('hour', a.created_at, 'UTC'))::bigint AS hour, a.route_id, a.status, count(*) AS n
                FROM iu_route_attempt AS a WHERE a.event_id = ANY (v_batch.event_ids) GROUP BY 1, 2, 3, 4) AS c);
  DELETE FROM iu_route_attempt WHERE event_id = ANY (v_batch.event_ids);
  GET DIAGNOSTICS v_attempts = ROW_COUNT;
  DELETE FROM event_outbox WHERE id = ANY (v_batch.event_ids);
  GET DIAGNOSTICS v_events = ROW_COUNT;
  IF (v_events, v_attempts) <> (v_archive.events, v_archive.attempts) THEN
    RAISE EXCEPTION 'archive: % holds % events and % attempts, and % and % would go', p_params ->> 'archive', v_archive.events, v_archive.attempts, v_events, v_attempts USING ERRCODE = 'IU014', COLUMN = 'archive';
  END IF;
  UPDATE iu_event_audit SET attempted = attempted - v_events, archived = archived + v_events;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('archive', v_archive.archive_id, 'sha256', v_archive.content_digest),
    'objects', jsonb_build_array(jsonb_build_object('ref', 'archive:' || v_archive.file_name, 'change', 'update',
      'before', jsonb_build_object('events', 'in the outbox'), 'after', jsonb_build_object('events', 'archived'))),
    'result', jsonb_build_object('events', v_events, 'attempts', v_attempts, 'first_event', v_archive.first_id, 'last_event', v_archive.last_id),
    'notes', CASE v_keyed WHEN 0 THEN '[]' ELSE jsonb_build_array(format('%s of them %s a key: emitted again under it, an event will be a new one.', v_keyed, CASE v_keyed WHEN 1 THEN 'has' ELSE 'have' END)) END,
    'checks', jsonb_build_array(jsonb_build_object('name', 'events_are_archived', 'kind', 'archive', 'archive', v_archive.archive_id, 'removed', true)),
    'irreversible', format('The file brings them back: iu retention restore %s', v_archive.file_name));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_remove_archived_events(jsonb, jsonb) IS 'Removes the events and attempts of an archive on record, when they are exactly what its file holds and nothing needs them';
REVOKE ALL ON FUNCTION iu_core.dot_iu_remove_archived_events(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_iu_collection_first, fn_iu_seam, fn_iu_separator_put, iu_collection_piece
CREATE FUNCTION iu_core.fn_iu_seam_close(p_collection_id bigint, p_at numeric, p_separator text)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
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
SET standard_conforming_strings = on
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

-- requires: fn_dot_line_end_notes, fn_dot_loss, fn_dot_seams, fn_dot_separators_restore, fn_dot_unit_object, fn_iu_seam_revised, fn_iu_title, iu_core, iu_tree_path
CREATE OR REPLACE FUNCTION iu_core.dot_iu_revise_piece(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
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
    'notes', fn_dot_line_end_notes((SELECT body FROM unit_version WHERE unit_id = v_unit.id AND version_seq = v_unit.current_version_seq), v_body),
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

-- requires: fn_dot_account, fn_dot_own_password, fn_iu_sessions_end, iu_api_token, iu_core
CREATE OR REPLACE FUNCTION iu_core.dot_iu_set_password(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_account iu_account;
  v_revoked integer;
  v_own constant boolean := p_params ->> 'account' = p_context ->> 'actor' AND p_context ? 'account_id';
BEGIN
  IF NOT v_own AND p_context ->> 'right' <> 'admin' THEN
    RAISE EXCEPTION 'account: only an admin sets the password of another' USING ERRCODE = 'IU013', COLUMN = 'account';
  END IF;
  v_account := fn_dot_account(p_params ->> 'account');
  IF v_own THEN
    PERFORM fn_dot_own_password(v_account, p_params ->> 'current_key');
  END IF;
  UPDATE iu_account SET password_salt = decode(p_params ->> 'password_salt', 'hex'), password_verifier = decode(p_params ->> 'password_verifier', 'hex'), password_changed_at = clock_timestamp() WHERE id = v_account.id;
  -- Whoever knew the old password may have made them.
  UPDATE iu_api_token SET revoked_at = clock_timestamp(), revoked_by = p_context ->> 'actor' WHERE account_id = v_account.id AND revoked_at IS NULL;
  GET DIAGNOSTICS v_revoked = ROW_COUNT;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('status', v_account.status, 'changed', v_account.password_changed_at),
    'objects', jsonb_build_array(jsonb_build_object('ref', 'account:' || v_account.account, 'change', 'update', 'before', jsonb_build_object('password', 'the present one'), 'after', jsonb_build_object('password', 'a new one'))),
    'result', jsonb_build_object('sessions_ended', fn_iu_sessions_end(v_account.id, 'password changed'), 'tokens_revoked', v_revoked),
    'checks', jsonb_build_array(jsonb_build_object('name', 'account_is_' || v_account.status, 'kind', 'account', 'account', v_account.account, 'status', v_account.status, 'right', v_account.account_right)),
    'irreversible', 'The old password is not kept.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_set_password(jsonb, jsonb) IS 'Sets an account''s password: one''s own with the present one, anybody''s as an admin; its sessions end and its tokens are revoked';
REVOKE ALL ON FUNCTION iu_core.dot_iu_set_password(jsonb, jsonb) FROM PUBLIC;

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

-- requires: fn_dot_frozen, fn_dot_letters, fn_dot_replay_outcome, fn_dot_skipped, fn_iu_lock, iu_core, iu_replay_batch, v_iu_route_decision
-- Only starts it: fn_iu_replay_step does it. The plan freezes the ids, and tells what each would become just now.
CREATE OR REPLACE FUNCTION iu_core.dot_iu_start_replay(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_what constant text := coalesce(p_params ->> 'what', 'dead_letters');
  v_ids bigint[];
  v_id bigint;
  v_total integer;
  v_result jsonb := '{}';
BEGIN
  PERFORM fn_iu_gate_require('iu_core.route_worker_enabled');
  PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
  IF v_what = 'skipped' AND (p_params ? 'cause' OR p_params ? 'failure_code' OR p_params ? 'event_type') THEN
    RAISE EXCEPTION 'what: skipped events are chosen by route and time' USING ERRCODE = 'IU002', COLUMN = 'what', HINT = 'Leave out cause, failure_code and event_type.';
  END IF;
  v_ids := CASE v_what WHEN 'skipped' THEN fn_dot_skipped(p_params, p_context, 500000) ELSE fn_dot_letters(p_params, p_context, 500000, true) END;
  -- The plan's number is the apply's, unless another was started between them.
  PERFORM fn_iu_lock('iu_core.iu_replay_job');
  SELECT coalesce(max(id), 0) + 1 INTO v_id FROM iu_replay_job;
  -- From here on no archive takes any of them; what one has taken since the plan is left out.
  SELECT CASE v_what WHEN 'skipped' THEN (SELECT count(*) FROM event_outbox WHERE id = ANY (v_ids)) ELSE (SELECT count(*) FROM iu_route_dead_letter WHERE id = ANY (v_ids) AND status = 'open') END INTO v_total;
  IF v_total = 0 THEN
    RAISE EXCEPTION 'all of them are resolved already' USING ERRCODE = 'IU016';
  ELSIF v_what = 'dead_letters' AND NOT EXISTS (SELECT FROM iu_route_dead_letter AS d LEFT JOIN iu_outbound_route AS r ON r.id = d.route_id
                                                WHERE d.id = ANY (v_ids) AND d.status = 'open' AND coalesce(r.enabled, true)) THEN
    -- Since the plan: that chooses none whose route is disabled.
    RAISE EXCEPTION 'nothing would be attempted: their route is disabled' USING ERRCODE = 'IU016', HINT = 'Enable the route first.';
  END IF;
  INSERT INTO iu_replay_job (id, what, filter, total, per_second, started_by)
  VALUES (v_id, v_what, p_params - 'what' - 'per_second', v_total, (p_params ->> 'per_second')::integer, fn_iu_actor());
  INSERT INTO iu_replay_batch (job_id, batch_no, event_ids, route_ids)
  SELECT v_id, (n - 1) / 1000, array_agg(event_id ORDER BY n), array_agg(route_id ORDER BY n)
  FROM (SELECT p.event_id, p.route_id, row_number() OVER (ORDER BY p.id) AS n
        FROM (SELECT d.id, d.event_id, d.route_id FROM iu_route_dead_letter AS d WHERE v_what = 'dead_letters' AND d.id = ANY (v_ids) AND d.status = 'open'
              UNION ALL
              SELECT e.id, e.id, r.id FROM event_outbox AS e CROSS JOIN iu_outbound_route AS r WHERE v_what = 'skipped' AND e.id = ANY (v_ids) AND r.route_code = p_params ->> 'route') AS p) AS numbered
  GROUP BY (n - 1) / 1000;
  IF NOT p_context ? 'frozen' THEN
    WITH pairs AS MATERIALIZED (
      SELECT p.event_id, p.route_id FROM iu_replay_batch AS b CROSS JOIN LATERAL unnest(b.event_ids, b.route_ids) AS p(event_id, route_id) WHERE b.job_id = v_id
    ), decided AS MATERIALIZED (
      -- Without the words: to tell what is wrong costs more than to see that something is.
      SELECT DISTINCT ON (p.event_id, p.route_id) p.event_id, p.route_id, w.route_id AS to_route_id,
             CASE WHEN w.decision IS NULL THEN 'no_route' WHEN w.decision = 'failed' THEN 'failed_again' WHEN w.decision = 'skipped' THEN w.failure_code ELSE 'replayed' END AS becomes
      FROM pairs AS p LEFT JOIN v_iu_route_decision AS w ON w.event_id = p.event_id AND (w.route_id = p.route_id OR p.route_id = 0)
      ORDER BY p.event_id, p.route_id, w.decision = 'failed' DESC NULLS LAST
    )
    SELECT jsonb_build_object(
      'would_become', (SELECT jsonb_object_agg(becomes, n) FROM (SELECT becomes, count(*) AS n FROM decided GROUP BY becomes) AS c),
      'sample', (SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('event', s.event_id, 'event_type', e.event_type, 'subject', e.event_subject_ref, 'becomes', s.becomes, 'because', left(w.failure_detail, 200))) ORDER BY s.event_id, s.route_id)
                 FROM (SELECT DISTINCT ON (n) * FROM (SELECT d.*, ntile(5) OVER (ORDER BY event_id, route_id) AS n FROM decided AS d) AS t ORDER BY n, event_id, route_id) AS s
                 JOIN event_outbox AS e ON e.id = s.event_id
                 LEFT JOIN v_iu_route_decision AS w ON w.event_id = s.event_id AND w.route_id = s.to_route_id))
    INTO v_result;
    IF v_result -> 'would_become' ?| ARRAY['replayed', 'failed_again'] IS NOT TRUE THEN
      RAISE EXCEPTION 'nothing would be attempted: no route takes them' USING ERRCODE = 'IU016', HINT = 'Register a route for the type, or discard the letters.';
    END IF;
  END IF;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('replay', v_id),
    'frozen', fn_dot_frozen(v_ids),
    'objects', jsonb_build_array(jsonb_build_object('ref', 'replay:' || v_id, 'change', 'create', 'after', jsonb_strip_nulls(jsonb_build_object('status', 'running', 'what', v_what, 'total', v_total, 'per_second', p_params -> 'per_second')))),
    'outcome', coalesce(fn_dot_replay_outcome(v_result -> 'would_become') - 'code' - 'did', '{}'),
    'result', jsonb_build_object('replay', v_id, CASE v_what WHEN 'skipped' THEN 'events' ELSE 'letters' END, v_total) || v_result,
    'notes', CASE WHEN cardinality(v_ids) = 500000 THEN jsonb_build_array('At most 500,000 go into one replay: MORE may match.') ELSE '[]' END,
    'checks', jsonb_build_array(jsonb_build_object('name', 'replay_has_its_set', 'kind', 'replay_set', 'replay', v_id, 'total', v_total)),
    'irreversible', 'Attempts are history. Stop it to keep it from making more.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_start_replay(jsonb, jsonb) IS 'Starts a replay in the background over the dead letters, or the skipped events, that the plan froze';
REVOKE ALL ON FUNCTION iu_core.dot_iu_start_replay(jsonb, jsonb) FROM PUBLIC;

-- requires: dot_inventory, fn_dot_catalogue, fn_dot_checks, fn_dot_repair, fn_dot_repairs, fn_dot_state, fn_dot_state_expected, iu_core
-- Everything that is told of a comparison comes from one statement, so that counts, drift and digest agree.
-- The comparison is made under the deployers' lock, shared, in a subtransaction that is taken back: no deploy
-- begins while it lasts (PostgreSQL spells definitions as they are now, and finds objects as they were when the
-- statement began), nothing is left held, and where a deploy is under way it is said so without looking.
-- VOLATILE, so that it sees what was committed when it has the lock.
CREATE OR REPLACE FUNCTION iu_core.fn_dot_compare(p_classes text[] DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET lock_timeout = '500ms'
SET plan_cache_mode = force_generic_plan
SET quote_all_identifiers = off
SET standard_conforming_strings = on
SET bytea_output = hex
SET DateStyle = 'ISO, YMD'
SET IntervalStyle = postgres
SET TimeZone = 'UTC'
SET extra_float_digits = 1
SET plpgsql.extra_errors = 'none'
AS $$
#variable_conflict use_column
DECLARE
  v_major constant integer := current_setting('server_version_num')::integer / 10000;
  v_at constant timestamptz := clock_timestamp();
  v_expected jsonb;
  v_found jsonb;
  v_digest text;
  v_locked boolean;
  v_checks jsonb;
  v_all jsonb;
  v_why text;
  v_what text;
BEGIN
  BEGIN
    -- Where a stranger may take locks, as on a managed server, one that holds this one is no deployer, and hides nothing.
    v_locked := pg_try_advisory_xact_lock_shared(hashtext('iu_core deploy')) OR NOT EXISTS (
      SELECT FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
      WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (l.classid::bigint << 32 | l.objid::bigint) = hashtext('iu_core deploy') AND l.mode = 'ExclusiveLock' AND pg_has_role(a.usesysid, 'iu_owner', 'MEMBER'));
    -- Told also where the comparison itself cannot be made.
    v_expected := (SELECT jsonb_object_agg(n.class, n.n) FROM (SELECT class, count(*) AS n FROM dot_inventory WHERE p_classes IS NULL OR class = ANY (p_classes) GROUP BY class) AS n);
    IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
      v_why := format('a comparison under %s sees an older schema than there is', upper(current_setting('transaction_isolation')));
      v_what := 'Read it under READ COMMITTED.';
    ELSIF NOT v_locked THEN
      v_why := 'a deploy is under way';
      v_what := 'Wait until it has ended.';
    ELSIF NOT EXISTS (SELECT FROM dot_inventory) THEN
      v_why := 'the inventory is empty';
      v_what := 'Run iu db deploy: it builds the units beside this database and registers what they make.';
    ELSIF EXISTS (SELECT FROM dot_inventory WHERE server_major <> v_major) THEN
      v_why := format('the inventory was spelled by PostgreSQL %s and this is %s', (SELECT string_agg(DISTINCT server_major::text, ', ') FROM dot_inventory WHERE server_major <> v_major), v_major);
      v_what := 'Run iu db deploy: it builds the units beside this database and registers what they make.';
    ELSE
      SELECT coalesce(jsonb_agg(jsonb_build_object('class', d.class, 'identity', d.identity, 'state', d.state, 'expected', d.expected, 'live', d.live, 'statement', d.statement, 'suggested_action', d.action)) FILTER (WHERE d.state IS NOT NULL), '[]'),
             encode(sha256(convert_to(coalesce(string_agg(concat_ws(' ', d.class, d.identity, encode(d.digest, 'hex'), d.switched) || chr(10), '' ORDER BY d.class COLLATE "C", d.identity COLLATE "C") FILTER (WHERE d.digest IS NOT NULL), ''), 'UTF8')), 'hex')
      INTO v_found, v_digest
      FROM (
        SELECT class, identity, j.state, c.digest, s.switched,
               -- Beside a definition that is as it should be, its switches say what differs.
               concat_ws(chr(10), i.definition, w.said) AS expected, concat_ws(chr(10), c.definition, v.said) AS live,
               CASE WHEN j.state <> 'unknown' THEN concat_ws(chr(10),
                 CASE WHEN i.digest IS DISTINCT FROM c.digest THEN fn_dot_repair(class, identity, i.definition, i.facts, c.definition, c.facts) END,
                 CASE WHEN i.digest IS NOT NULL AND (w.said IS NOT NULL OR c.digest IS NULL) THEN w.sql END) END AS statement,
               CASE j.state
                 WHEN 'unknown' THEN CASE WHEN i.digest = sha256(convert_to(i.definition, 'UTF8')) THEN 'Give its table back to its owner: it cannot be read.' ELSE 'Run iu db deploy: it builds the units beside this database and registers what they make.' END
                 WHEN 'missing' THEN 'Make it again with the statement, or roll back what dropped it.'
                 WHEN 'unexpected' THEN CASE WHEN class IN ('event_type', 'route') THEN 'Remove it with the statement, or register it by command.' ELSE 'Drop it with the statement, or write a unit that makes it.' END
                 ELSE CASE WHEN i.digest = c.digest AND class = 'config' THEN 'Set the gate by command: close it, or open it with a reason.'
                           WHEN i.digest = c.digest AND class = 'route' THEN 'Switch the route by command, or with the statement.'
                           WHEN i.digest = c.digest THEN 'Put the switch back with the statement, or switch it by command.'
                           ELSE 'Put it back with the statement, or write a unit that makes it so.' END END AS action
        FROM (SELECT class, identity, definition, facts, digest FROM dot_inventory WHERE p_classes IS NULL OR class = ANY (p_classes)) AS i
        FULL JOIN (SELECT f.*, sha256(convert_to(f.definition, 'UTF8')) AS digest FROM fn_dot_catalogue(p_classes) AS f) AS c USING (class, identity)
        LEFT JOIN (SELECT x.class, x.identity, x.switched, x.run_id FROM fn_dot_state_expected() AS x) AS e USING (class, identity)
        LEFT JOIN (SELECT x.class, x.identity, x.switched FROM fn_dot_state() AS x) AS s USING (class, identity)
        CROSS JOIN LATERAL (
          SELECT CASE WHEN i.class IS NULL THEN 'unexpected' WHEN i.digest IS NULL OR i.digest <> sha256(convert_to(i.definition, 'UTF8')) THEN 'unknown'
                      -- Its table is there and belongs to somebody else.
                      WHEN c.class IS NULL AND NOT has_table_privilege(to_regclass(CASE class WHEN 'config' THEN 'dot_config' WHEN 'event_type' THEN 'iu_event_type' WHEN 'route' THEN 'iu_outbound_route'
                        WHEN 'vocabulary' THEN 'iu_vocabulary' WHEN 'command' THEN 'dot_iu_command' END), 'SELECT') THEN 'unknown'
                      WHEN c.class IS NULL THEN 'missing' WHEN i.digest <> c.digest OR e.switched IS DISTINCT FROM s.switched THEN 'changed' END AS state
        ) AS j
        CROSS JOIN LATERAL (
          SELECT CASE WHEN e.switched IS DISTINCT FROM s.switched AND i.class IS NOT NULL AND c.class IS NOT NULL
                      THEN format('-- switched: %s, as %s', coalesce(e.switched::text, '{}'), coalesce(format('run %s left it', e.run_id), 'it was made')) END AS said,
                 CASE class
                   WHEN 'trigger' THEN format('ALTER TABLE %s %s TRIGGER %s;', split_part(identity, ' on ', 2), CASE e.switched ->> 'enabled' WHEN 'D' THEN 'DISABLE' ELSE 'ENABLE' END, split_part(identity, ' on ', 1))
                   WHEN 'config' THEN format('SELECT fn_iu_gate_set(%L, %L, ''as the ledger has it'', %L);', identity, e.switched ->> 'value', e.switched ->> 'expires_at')
                   WHEN 'route' THEN format('UPDATE iu_outbound_route SET enabled = %L, dry_run = %L WHERE route_code = %L;', e.switched ->> 'enabled', e.switched ->> 'dry_run', identity)
                   WHEN 'table' THEN format('ALTER TABLE %I ENABLE TRIGGER ALL;', identity) END AS sql
        ) AS w
        CROSS JOIN LATERAL (SELECT CASE WHEN w.said IS NOT NULL THEN format('-- switched: %s', coalesce(s.switched::text, '{}')) END AS said) AS v
      ) AS d;
      IF v_found <> '[]' THEN
        v_found := fn_dot_repairs(v_found);
      END IF;
    END IF;
    RAISE EXCEPTION 'taken back' USING ERRCODE = 'XPLAN';
  EXCEPTION
    WHEN SQLSTATE 'XPLAN' THEN
      NULL;
    WHEN lock_not_available THEN
      v_why := CASE WHEN v_locked THEN 'another session is changing an object of the schema' ELSE 'a deploy is under way' END;
      v_what := 'Wait until it has ended.';
    WHEN OTHERS THEN
      v_why := format('the comparison failed: %s', SQLERRM);
      v_what := 'Read the catalogue with iu db dump, which says where it fails.';
  END;
  IF v_found IS NULL THEN
    v_digest := NULL;
    v_why := concat_ws(' ', upper(left(v_why, 1)) || substr(v_why, 2) || '.', v_what);
  END IF;
  v_checks := fn_dot_checks(coalesce(v_expected, '{}'), v_found);
  v_all := jsonb_path_query_first(v_checks, '$[*] ? (@.check_code == "D8")');
  RETURN (
    SELECT jsonb_build_object(
      'checked_at', v_at, 'digest', v_digest, 'expected', v_all -> 'expected', 'matching', n.present - n.changed, 'drift', n.missing + n.unexpected + n.changed, 'unknown', n.unknown,
      'state', CASE WHEN v_found IS NULL THEN 'unknown' WHEN n.missing + n.unexpected + n.changed > 0 THEN 'drift' WHEN n.unknown > 0 THEN 'unknown' ELSE 'matches' END,
      'why', CASE WHEN v_found IS NULL THEN v_why WHEN n.unknown > 0 THEN format('%s of %s objects cannot be compared.', n.unknown, n.expected) END,
      'checks', v_checks, 'objects', coalesce(v_found, '[]'))
    FROM jsonb_to_record(v_all) AS n(expected integer, present integer, missing integer, unexpected integer, changed integer, unknown integer));
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_compare(text[]) IS 'The live schema, or the classes named, against the inventory, as one document: state (matches, drift, unknown), counts, the checks D1 to D9, a digest of the catalogue, and each object that is not as deployed. Waits for nobody longer than half a second';
REVOKE ALL ON FUNCTION iu_core.fn_dot_compare(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_dot_compare(text[]) TO iu_reader;

-- requires: iu_core
CREATE FUNCTION iu_core.fn_dot_id_trimmed(p_id text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT regexp_replace(p_id COLLATE "C", hidden || '+$|^' || hidden || '+', '', 'g')
  FROM (VALUES ('[\s\u0001-\u001F\u007F-\u00A0\u00AD\u034F\u061C\u115F\u1160\u1680\u17B4\u17B5\u180B-\u180F\u2000-\u200F\u2028-\u202F\u205F-\u206F\u3000\u3164\uFE00-\uFE0F\uFEFF\uFFA0\uFFF0-\uFFFB\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A\U000E0000-\U000E0FFF]')) AS c(hidden)
$$;
COMMENT ON FUNCTION iu_core.fn_dot_id_trimmed(text) IS 'An id without spaces and invisible characters at either end';
REVOKE ALL ON FUNCTION iu_core.fn_dot_id_trimmed(text) FROM PUBLIC;

-- requires: fn_dot_id_trimmed, iu_core
-- An id that is pasted brings along what nobody sees: spaces, marks of no width, marks that turn the order of reading. What the contract
-- gives a pattern of its own is an id; any line of text may begin and end as it likes.
CREATE FUNCTION iu_core.fn_dot_ids_trimmed(p_params jsonb, p_schema jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH ids AS (
    SELECT name, p_params -> name AS given, jsonb_typeof(p_params -> name) AS kind
    FROM jsonb_each(CASE WHEN jsonb_typeof(p_params) = 'object' THEN p_schema -> 'properties' ELSE '{}' END) AS p(name, property)
    WHERE p_params ? name AND coalesce(property ->> 'pattern', property -> 'items' ->> 'pattern') <> '^[^\u0001-\u001f\u007f]*$'
  ), trimmed AS (
    SELECT name, given, CASE kind
      WHEN 'string' THEN to_jsonb(fn_dot_id_trimmed(given #>> '{}'))
      WHEN 'array' THEN (SELECT jsonb_agg(CASE jsonb_typeof(e) WHEN 'string' THEN to_jsonb(fn_dot_id_trimmed(e #>> '{}')) ELSE e END ORDER BY n) FROM jsonb_array_elements(given) WITH ORDINALITY AS a(e, n))
    END AS meant
    FROM ids
  )
  SELECT CASE WHEN count(*) = 0 THEN p_params ELSE p_params || jsonb_object_agg(name, meant) END FROM trimmed WHERE meant <> given
$$;
COMMENT ON FUNCTION iu_core.fn_dot_ids_trimmed(jsonb, jsonb) IS 'A command''s parameters with its ids as they were meant: without invisible characters at either end';
REVOKE ALL ON FUNCTION iu_core.fn_dot_ids_trimmed(jsonb, jsonb) FROM PUBLIC;

-- requires: dot_iu_acting, dot_iu_command, dot_iu_command_run, fn_dot_drift_refused, fn_dot_ids_trimmed, fn_dot_run_overtaken, fn_dot_works_in_drift, fn_iu_json_unbounded, fn_iu_lock, iu_core
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
  v_unbounded text;
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
  -- Before anything writes them out: a number of a dozen bytes may be a text of a hundred thousand.
  v_unbounded := fn_iu_json_unbounded(v_params, 67108864);
  IF v_unbounded IS NOT NULL THEN
    RAISE EXCEPTION 'params: %', v_unbounded USING ERRCODE = 'IU002', COLUMN = 'params';
  END IF;

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
  v_params := fn_dot_ids_trimmed(v_params, v_command.param_schema);
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
    PERFORM fn_iu_lock('iu_core.command ' || v_run.actor || chr(10) || v_run.idempotency_key);
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
COMMENT ON FUNCTION iu_core.fn_dot_command_run(text, text, jsonb, text, text, bigint, text, text, text) IS 'Runs a command for who holds the token (without one: for the login): plan, apply, verify or rollback; returns the receipt, which is also the ledger''s row. A refusal is returned, not raised. Raises 40001, 40P01 and 55P03 (try again with the same key), IU012 nobody, IU013 no right, IU003 unknown command or run, IU002 bad mode, key or parameters that are too large to be written out, IU011 isolation; these leave no row';
REVOKE ALL ON FUNCTION iu_core.fn_dot_command_run(text, text, jsonb, text, text, bigint, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_dot_command_run(text, text, jsonb, text, text, bigint, text, text, text) TO iu_console, iu_operator, iu_approver;

-- requires: dot_inventory, iu_core
-- What the units build when they are run beside this database is what they made here; registry rows and objects
-- that commands registered are nobody else's to tell, and stay.
CREATE OR REPLACE FUNCTION iu_core.fn_dot_inventory_renew(p_built jsonb)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_major constant integer := current_setting('server_version_num')::integer / 10000;
  v_count bigint;
BEGIN
  WITH built AS MATERIALIZED (
    SELECT b ->> 'class' AS class, b ->> 'identity' AS identity, b ->> 'definition' AS definition, b ->> 'facts' AS facts, sha256(convert_to(b ->> 'definition', 'UTF8')) AS digest, nullif(b -> 'switched', 'null') AS switched, b ->> 'registered_by_unit' AS unit
    FROM jsonb_array_elements(p_built) AS b
  ), gone AS (
    DELETE FROM dot_inventory AS i WHERE i.registered_by_unit IS NOT NULL AND NOT EXISTS (SELECT FROM built AS b WHERE (b.class, b.identity) = (i.class, i.identity)) RETURNING 1
  ), kept AS (
    UPDATE dot_inventory AS i SET server_major = v_major WHERE i.registered_by_unit IS NULL AND NOT EXISTS (SELECT FROM built AS b WHERE (b.class, b.identity) = (i.class, i.identity)) RETURNING 1
  ), made AS (
    INSERT INTO dot_inventory AS i (class, identity, definition, facts, digest, switched, server_major, registered_by_unit)
    SELECT class, identity, definition, facts, digest, switched, v_major, unit FROM built
    ON CONFLICT (class, identity) DO UPDATE
    SET definition = excluded.definition, facts = excluded.facts, digest = excluded.digest, server_major = v_major, registered_at = clock_timestamp(), registered_by = 'db:' || session_user
    WHERE i.registered_by_unit IS NOT NULL AND (i.definition IS DISTINCT FROM excluded.definition OR i.digest IS DISTINCT FROM excluded.digest OR i.server_major <> v_major)
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM kept) + (SELECT count(*) FROM made) INTO v_count;
  RETURN v_count;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_inventory_renew(jsonb) IS 'Registers anew what the units, built beside this database on this server, make: after a major upgrade, or where it is not known what an object should be; returns how many objects changed';
REVOKE ALL ON FUNCTION iu_core.fn_dot_inventory_renew(jsonb) FROM PUBLIC;

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

-- requires: iu_export
CREATE OR REPLACE FUNCTION iu_core.fn_iu_export_record(p_exporter_id integer, p_collection_id bigint, p_event_id bigint, p_revision bigint, p_render_digest bytea, p_manifest_digest bytea, p_byte_length bigint)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_sealed iu_collection;
BEGIN
  SELECT * INTO v_sealed FROM iu_collection WHERE id = p_collection_id FOR KEY SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'collection_id: no collection has the id %', p_collection_id USING ERRCODE = 'IU003', COLUMN = 'collection_id';
  END IF;
  -- A later rendering may have come meanwhile: then this one is recorded, and that one is still to be done.
  IF p_event_id = coalesce(v_sealed.rendered_event_id, 0)
     AND (p_revision, p_render_digest, p_manifest_digest) IS DISTINCT FROM (v_sealed.render_revision, v_sealed.render_digest, v_sealed.manifest_digest) THEN
    RAISE EXCEPTION '%: what was exported is not what was rendered', v_sealed.canonical_address USING ERRCODE = 'IU006', COLUMN = 'render_digest';
  END IF;
  IF p_event_id > coalesce(v_sealed.rendered_event_id, 0) THEN
    RAISE EXCEPTION 'event_id: % has not been rendered by event %', v_sealed.canonical_address, p_event_id USING ERRCODE = 'IU002', COLUMN = 'event_id';
  END IF;
  UPDATE iu_export
  SET intended = '{}', event_id = p_event_id, revision = p_revision, render_digest = p_render_digest, manifest_digest = p_manifest_digest,
      byte_length = p_byte_length, exported_at = clock_timestamp(), exported_by = 'db:' || session_user
  WHERE (exporter_id, collection_id) = (p_exporter_id, p_collection_id);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'exporter_id: exporter % did not say that it would export %', p_exporter_id, v_sealed.canonical_address USING ERRCODE = 'IU003', COLUMN = 'exporter_id';
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_export_record(integer, bigint, bigint, bigint, bytea, bytea, bigint) IS 'Records what was read back from an exporter''s folder. IU002 for an event that was not, IU003 unknown, IU006 where it is not what was rendered';
REVOKE ALL ON FUNCTION iu_core.fn_iu_export_record(integer, bigint, bigint, bigint, bytea, bytea, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_export_record(integer, bigint, bigint, bigint, bytea, bytea, bigint) TO iu_worker;

-- requires: fn_iu_event_standing, fn_iu_gate_is_open, fn_iu_gate_state, iu_outbound_route, iu_route_dead_letter, iu_route_worker_cursor
-- What is the same for all workers is read once, the judgement of what waits above all.
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_workers_health(p_worker_code text DEFAULT NULL)
RETURNS TABLE (worker_code text, healthy boolean, reasons text[], worker_gate_open boolean, master_gate_open boolean, delivery_mode text, blocked_by text,
               backlog integer, oldest_unrouted_at timestamptz, held_back_since timestamptz, open_dead_letters integer,
               last_pass_at timestamptz, last_pass_seen integer, locked_since timestamptz, oldest_snapshot_at timestamptz, accounting jsonb, backlog_is_exact boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
  v_common text[] := '{}';
  v_orphans text;
  v_locked_by text;
BEGIN
  worker_gate_open := fn_iu_gate_is_open('iu_core.route_worker_enabled');
  master_gate_open := fn_iu_gate_is_open('iu_core.routes_master_enabled');
  blocked_by := CASE WHEN NOT worker_gate_open THEN 'iu_core.route_worker_enabled' WHEN NOT master_gate_open THEN 'iu_core.routes_master_enabled' END;
  delivery_mode := CASE
    WHEN blocked_by IS NOT NULL THEN 'STOPPED'
    WHEN fn_iu_gate_is_open('iu_core.execution_enabled') AND EXISTS (SELECT FROM iu_outbound_route AS r WHERE r.enabled AND NOT r.dry_run) THEN 'LIVE'
    ELSE 'DRY RUN' END;
  SELECT count(*) INTO open_dead_letters FROM (SELECT FROM iu_route_dead_letter AS d WHERE d.status = 'open' LIMIT 10001) AS bounded;
  -- A gate that somebody closed, or opened until a time that has passed, is a state and no ill health: who and why stands in
  -- v_iu_gate. One that is missing or malformed is closed by nobody.
  v_common := v_common || ARRAY(SELECT format('gate %s is %s', g, fn_iu_gate_state(g)) FROM unnest(ARRAY['iu_core.route_worker_enabled', 'iu_core.routes_master_enabled']) AS g WHERE fn_iu_gate_state(g) IN ('missing', 'malformed'));
  SELECT string_agg(b::text, ', ' ORDER BY b) INTO v_orphans FROM generate_series(0, 15) AS b WHERE NOT EXISTS (SELECT FROM iu_route_worker_cursor AS c WHERE b BETWEEN c.bucket_from AND c.bucket_to);
  IF v_orphans IS NOT NULL THEN v_common := v_common || format('no cursor owns bucket %s: nobody routes their events', v_orphans); END IF;

  FOR worker_code, last_pass_at, last_pass_seen, locked_since, v_locked_by, held_back_since, oldest_snapshot_at, backlog, oldest_unrouted_at, backlog_is_exact, accounting IN
    WITH standing AS MATERIALIZED (
      SELECT s.worker_code, sum(s.waiting) AS waiting, min(s.oldest_at) AS oldest_at, bool_and(s.is_exact) AS is_exact, (array_agg(s.account))[1] AS account FROM fn_iu_event_standing() AS s GROUP BY s.worker_code
    ), activity AS MATERIALIZED (
      SELECT a.pid, a.usename, a.xact_start, a.backend_xid::text::numeric AS xid, a.backend_xmin IS NOT NULL AND a.backend_type = 'client backend' AS has_snapshot
      FROM pg_stat_activity AS a WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
    ), writing AS MATERIALIZED (
      -- A prepared transaction has no session.
      SELECT a.xact_start AS since, a.xid FROM activity AS a WHERE a.xid IS NOT NULL
      UNION ALL
      SELECT p.prepared, p.transaction::text::numeric FROM pg_prepared_xacts AS p WHERE p.database = current_database()
    ), locked AS MATERIALIZED (
      -- A pass holds its lock for milliseconds; who holds it long keeps every other process from this cursor.
      SELECT l.objid::bigint AS lock_no, min(a.xact_start) AS since, min(format('%s, process %s', a.usename, a.pid)) AS who
      FROM pg_locks AS l JOIN activity AS a ON a.pid = l.pid
      WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND l.classid::bigint = hashtext('iu_core.iu_route_worker_cursor')::bigint & 4294967295
      GROUP BY l.objid
    )
    SELECT c.worker_code, c.last_pass_at, c.last_pass_seen, l.since, l.who,
           -- Only a transaction that the cursor has not passed can hold events back: one that was open at the last
           -- window, or began after it.
           (SELECT min(w.since) FROM writing AS w
            WHERE w.xid IN (SELECT x::text::numeric % 4294967296 FROM pg_snapshot_xip(c.snap_from) AS x)
               OR mod(w.xid - pg_snapshot_xmax(c.snap_from)::text::numeric % 4294967296 + 4294967296, 4294967296) < 2147483648),
           -- Under an old one, the cursor's old versions cannot be cleared away, and each pass reads its way through them.
           (SELECT min(a.xact_start) FROM activity AS a WHERE a.has_snapshot),
           least(s.waiting, 10001), s.oldest_at, s.is_exact, (SELECT a.account FROM standing AS a WHERE a.worker_code IS NULL)
    FROM iu_route_worker_cursor AS c
    JOIN standing AS s ON s.worker_code = c.worker_code
    LEFT JOIN locked AS l ON l.lock_no = c.lock_no
    WHERE p_worker_code IS NULL OR c.worker_code = p_worker_code
    ORDER BY c.worker_code
  LOOP
    reasons := v_common;
    IF blocked_by IS NOT NULL THEN
      NULL;
    ELSIF backlog > 10000 THEN
      reasons := reasons || 'more than 10,000 events wait'::text;
    ELSIF NOT backlog_is_exact THEN
      reasons := reasons || format('more than 10,000 events lie ahead, at least %s of them wait for this worker', backlog);
    END IF;
    -- What waits while nothing may be routed waits as it is told to.
    IF oldest_unrouted_at < clock_timestamp() - interval '1 minute' AND blocked_by IS NULL THEN
      reasons := reasons || format('the oldest unrouted event is of %s, the last pass that saw any %s', to_char(oldest_unrouted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'),
        coalesce(to_char(last_pass_at AT TIME ZONE 'UTC', '"of" YYYY-MM-DD HH24:MI:SS "UTC"'), 'has yet to come'));
    END IF;
    IF held_back_since < clock_timestamp() - interval '1 minute' THEN
      reasons := reasons || format('a transaction open since %s may hold events back', to_char(held_back_since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'));
    END IF;
    IF open_dead_letters > 0 THEN
      reasons := reasons || format('%s open dead letter%s', CASE WHEN open_dead_letters > 10000 THEN '10,000+' ELSE open_dead_letters::text END, CASE open_dead_letters WHEN 1 THEN '' ELSE 's' END);
    END IF;
    IF locked_since < clock_timestamp() - interval '1 minute' THEN
      reasons := reasons || format('another session (%s) has held the cursor since %s', v_locked_by, to_char(locked_since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'));
    END IF;
    IF oldest_snapshot_at < clock_timestamp() - interval '10 minutes' THEN
      reasons := reasons || format('a snapshot open since %s makes passes slow', to_char(oldest_snapshot_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'));
    END IF;
    IF (accounting ->> 'unexplained')::bigint <> 0 THEN reasons := reasons || format('%s events are unexplained', accounting ->> 'unexplained'); END IF;
    healthy := cardinality(reasons) = 0;
    RETURN NEXT;
  END LOOP;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_workers_health(text) IS 'fn_iu_route_worker_health of every worker, or of one, from one judgement of what waits; backlog_is_exact is false where it is the least that waits';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_workers_health(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_route_workers_health(text) TO iu_reader;

-- requires: iu_account, iu_core, iu_session, iu_sign_in_failure
-- Answers instead of raising, so that a failure is kept and counted.
CREATE OR REPLACE FUNCTION iu_core.fn_iu_sign_in(p_account text, p_key bytea, p_client text)
RETURNS TABLE (status text, token text, retry_after integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET lock_timeout = '5s'
AS $$
DECLARE
  v_account_digest constant bytea := sha256(convert_to(coalesce(p_account, ''), 'UTF8'));
  v_client_digest constant bytea := sha256(convert_to(coalesce(p_client, ''), 'UTF8'));
  v_account iu_account;
  v_failures integer;
  v_last timestamptz;
BEGIN
  -- One at a time for a name: guesses sent side by side are counted as those sent in a row.
  SELECT * INTO v_account FROM iu_account WHERE account = p_account FOR NO KEY UPDATE;
  DELETE FROM iu_sign_in_failure WHERE id IN (SELECT f.id FROM iu_sign_in_failure AS f WHERE f.failed_at < clock_timestamp() - interval '15 minutes' LIMIT 100 FOR UPDATE SKIP LOCKED);
  -- By the name and the client: what others do, to this name or from there to other names, refuses no right password.
  SELECT count(*), max(failed_at) INTO v_failures, v_last
  FROM iu_sign_in_failure WHERE account_digest = v_account_digest AND client_digest = v_client_digest AND failed_at > clock_timestamp() - interval '15 minutes';
  -- Four in peace, then 2, 4, 8 … seconds from the last, five minutes at most.
  IF v_failures >= 5 THEN
    retry_after := ceil(extract(epoch FROM v_last - clock_timestamp()) + least(300, 2 ^ least(v_failures - 4, 9)));
    IF retry_after > 0 THEN
      status := 'throttled'; RETURN NEXT; RETURN;
    END IF;
    retry_after := NULL;
  END IF;
  -- One answer for a wrong name, a wrong password and a disabled account.
  IF (v_account.password_verifier = sha256(p_key) AND v_account.status = 'active') IS NOT TRUE THEN
    INSERT INTO iu_sign_in_failure (account_digest, client_digest) VALUES (v_account_digest, v_client_digest);
    status := 'refused'; RETURN NEXT; RETURN;
  END IF;
  DELETE FROM iu_sign_in_failure WHERE account_digest = v_account_digest AND client_digest = v_client_digest;
  UPDATE iu_account SET last_sign_in_at = clock_timestamp() WHERE id = v_account.id;
  token := 'ius_' || fn_iu_token();
  INSERT INTO iu_session (account_id, token_digest, expires_at) VALUES (v_account.id, sha256(convert_to(token, 'UTF8')), clock_timestamp() + interval '7 days');
  status := 'signed_in';
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_sign_in(text, bytea, text) IS 'Signs in with the scrypt key of the password: signed_in with the session''s token (told once), refused, or throttled with the seconds to wait';
REVOKE ALL ON FUNCTION iu_core.fn_iu_sign_in(text, bytea, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_sign_in(text, bytea, text) TO iu_console;

-- requires: iu_worker_process
CREATE OR REPLACE FUNCTION iu_core.fn_iu_worker_beat(p_process_id uuid, p_kind text, p_worker_code text, p_host text, p_pid integer, p_status text, p_events_seen bigint, p_fault text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  UPDATE iu_worker_process SET status = p_status, events_seen = p_events_seen, fault = left(p_fault, 500), last_seen_at = clock_timestamp()
  -- A row that is older than the spelling of logins as db:NAME has the bare name.
  WHERE process_id = p_process_id AND run_by IN ('db:' || session_user, session_user);
  IF NOT FOUND THEN
    -- Who comes tidies up after those that did not end in order: a day is long enough to see that they died.
    DELETE FROM iu_worker_process WHERE last_seen_at < clock_timestamp() - interval '1 day';
    INSERT INTO iu_worker_process (process_id, kind, worker_code, host, pid, status, events_seen, fault)
    VALUES (p_process_id, p_kind, p_worker_code, left(p_host, 255), p_pid, p_status, p_events_seen, left(p_fault, 500));
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_worker_beat(uuid, text, text, text, integer, text, bigint, text) IS 'Says that a process that runs passes is alive, how its last pass ended and what keeps the next one from being made; whoever is new removes rows that have been silent for a day';
REVOKE ALL ON FUNCTION iu_core.fn_iu_worker_beat(uuid, text, text, text, integer, text, bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_worker_beat(uuid, text, text, text, integer, text, bigint, text) TO iu_worker;

-- requires: iu_worker_process
CREATE OR REPLACE FUNCTION iu_core.fn_iu_worker_leave(p_process_id uuid)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ DELETE FROM iu_worker_process WHERE process_id = p_process_id AND run_by IN ('db:' || session_user, session_user) $$;
COMMENT ON FUNCTION iu_core.fn_iu_worker_leave(uuid) IS 'Takes away the row of a process that ends in order';
REVOKE ALL ON FUNCTION iu_core.fn_iu_worker_leave(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_worker_leave(uuid) TO iu_worker;

-- requires: fn_iu_collection_findings, iu_import_base, iu_collection, iu_collection_piece, information_unit, unit_version
CREATE OR REPLACE VIEW iu_core.v_iu_collection_health AS
SELECT c.id AS collection_id, c.canonical_address,
       f.findings = 0 AS healthy,
       p.pieces, c.piece_count AS pieces_counted, p.bytes, c.byte_length AS bytes_counted, p.missing_body, p.retired_inside,
       c.render_revision IS DISTINCT FROM c.revision AS render_stale,
       c.source_digest IS NOT NULL AND c.render_digest IS DISTINCT FROM c.source_digest AND b.revision IS NOT DISTINCT FROM c.revision AS differs_from_source, f.findings
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
CROSS JOIN LATERAL (SELECT count(*)::integer AS findings FROM iu_core.fn_iu_collection_findings(c.id)) AS f
WHERE c.status = 'active';
COMMENT ON VIEW iu_core.v_iu_collection_health IS 'Each collection counted anew from its rows: healthy is where Validate finds nothing; pieces and bytes, missing bodies, retired pieces inside. A rendering that is stale is a state and no ill health; one that differs from the source though nobody has edited it since is a fault';
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
