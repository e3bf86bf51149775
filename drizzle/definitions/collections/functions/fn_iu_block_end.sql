-- requires: fn_iu_column
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
  v_state text := 'over';          -- over, paragraph, quote, list, note, code, fence, front (matter), html (to its end), block (html to a blank line)
  v_blank boolean := false;        -- a blank line stands before, in a list, a note or code
  v_lines integer := 0;            -- of front matter, read so far
  v_fence text;
  v_ends text;                     -- what the html is closed by, as a pattern
  v_found text[];
  v_column integer;                -- behind a list marker
  v_content integer;               -- where what it marks begins
BEGIN
  is_over := true;
  -- A piece that was front matter may have been given another text since.
  v_fence := CASE WHEN p_kind = 'front_matter' THEN substring(ltrim(p_text, U&'\FEFF') FROM '^(---|\+\+\+)[ \t]*[\r\n](?:.*[\r\n])?\1[ \t]*(?:[\r\n]|$)') END;
  IF v_fence IS NOT NULL THEN
    v_state := 'front';
  END IF;
  FOREACH v_line IN ARRAY regexp_split_to_array(ltrim(p_text, U&'\FEFF'), '\r\n|\r|\n') LOOP
    IF v_state = 'front' THEN
      v_lines := v_lines + 1;
      IF v_lines > 1 AND rtrim(v_line, E' \t') = v_fence THEN v_state := 'over'; END IF;
      CONTINUE;
    END IF;
    v_bare := ltrim(v_line, E' \t');
    v_indent := fn_iu_column(left(v_line, length(v_line) - length(v_bare)), 0);
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
    v_column := v_indent + length(v_found[1]);
    v_content := fn_iu_column(v_found[2], v_column);
    v_content := CASE WHEN v_content - v_column BETWEEN 1 AND 4 AND v_found[3] <> '' THEN v_content ELSE v_column + 1 END;
    IF v_state IN ('list', 'note') THEN
      IF v_indent >= content_column THEN
        v_blank := false;
        CONTINUE;
      ELSIF v_state = 'list' AND right(v_found[1], 1) = marker THEN
        v_blank := false;
        content_column := v_content;
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
      content_column := v_content;
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
