-- requires: fn_iu_block_end, fn_iu_column
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
  v_indent constant integer := fn_iu_column(substring(v_line FROM '^[ \t]*'), 0);
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
