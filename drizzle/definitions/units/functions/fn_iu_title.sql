-- requires: fn_iu_title_line
-- The title that the import gives a piece (server/import/title.ts), for a text that is revised here: a test holds the two together.
CREATE FUNCTION iu_core.fn_iu_title(p_kind text, p_body text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
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
