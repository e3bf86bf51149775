-- unit: schema

CREATE OR REPLACE FUNCTION iu_core.fn_iu_title_line(p_text text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
AS $$
  -- Bidirectional overrides go too: they would reorder what stands beside a title.
  SELECT rtrim(left(btrim(regexp_replace(regexp_replace(p_text, '[\x01-\x08\x0e-\x1f\x7f-\u009f\u202a-\u202e\u2066-\u2069]', '', 'g'),
                                         '[\t-\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]+', ' ', 'g'), ' '), 120), ' ')
$$;
COMMENT ON FUNCTION iu_core.fn_iu_title_line(text) IS 'A text as one line of visible characters, at most 120 of them';
REVOKE ALL ON FUNCTION iu_core.fn_iu_title_line(text) FROM PUBLIC;

-- requires: fn_iu_title_line
-- The title that the import gives a piece (server/import/title.ts), for a text that is revised here: a test holds the two together.
CREATE OR REPLACE FUNCTION iu_core.fn_iu_title(p_kind text, p_body text)
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

-- requires: iu_core
CREATE OR REPLACE FUNCTION iu_core.fn_dot_id_trimmed(p_id text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
AS $$
  SELECT regexp_replace(p_id COLLATE "C", hidden || '+$|^' || hidden || '+', '', 'g')
  FROM (VALUES ('[\s\u0001-\u001F\u007F-\u00A0\u00AD\u034F\u061C\u115F\u1160\u1680\u17B4\u17B5\u180B-\u180F\u2000-\u200F\u2028-\u202F\u205F-\u206F\u3000\u3164\uFE00-\uFE0F\uFEFF\uFFA0\uFFF0-\uFFFB\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A\U000E0000-\U000E0FFF]')) AS c(hidden)
$$;
COMMENT ON FUNCTION iu_core.fn_dot_id_trimmed(text) IS 'An id without spaces and invisible characters at either end';
REVOKE ALL ON FUNCTION iu_core.fn_dot_id_trimmed(text) FROM PUBLIC;

-- requires: fn_dot_id_trimmed, iu_core
-- An id that is pasted brings along what nobody sees: spaces, marks of no width, marks that turn the order of reading. What the contract
-- gives a pattern of its own is an id; any line of text may begin and end as it likes.
CREATE OR REPLACE FUNCTION iu_core.fn_dot_ids_trimmed(p_params jsonb, p_schema jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
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

-- requires: iu_core
-- A pattern is taken where the server tells whether a text is like it in a time that grows with the text alone. Not so with
-- references back and with looks ahead or behind; and what may be empty (?, *, {0,2}, a side of |, ^) makes the
-- expression grow with the third power of how often it is there. So pieces are counted as if repeats were written out.
CREATE OR REPLACE FUNCTION iu_core.fn_iu_pattern_problem(p_pattern text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
AS $$
DECLARE
  v_at integer := 1;
  v_token text;
  v_last text := '(';
  v_times integer[];
  v_most bigint;
  -- By level of groups: its pieces and how many of them may be empty, and the same of the last atom in it.
  v_pieces bigint[] := '{0}';
  v_empty bigint[] := '{0}';
  v_atom_pieces bigint[] := '{0}';
  v_atom_empty bigint[] := '{0}';
  v integer := 1;
BEGIN
  IF length(p_pattern) > 1000 THEN
    RETURN 'it has more than 1,000 characters';
  ELSIF starts_with(p_pattern, '***') THEN
    RETURN 'it begins with ***, which makes another language of what follows';
  END IF;
  WHILE v_at <= length(p_pattern) LOOP
    v_token := substr(p_pattern, v_at, 1);
    IF v_token = '\' THEN
      v_token := substr(p_pattern, v_at, 2);
    ELSIF v_token = '[' THEN
      -- Up to its bracket: one that stands first is a character, and [:alpha:] and its like have brackets of their own.
      v_token := substring(substr(p_pattern, v_at) FROM '^\[\^?\]?(?:\\.|\[:[^]:]*:\]|[^]\\[]|\[(?![.:=]))*\]');
      IF v_token IS NULL THEN
        RETURN 'it has a set that is not closed, or one with [. .] or [= =]';
      END IF;
    ELSIF v_token = '(' THEN
      v_token := substring(substr(p_pattern, v_at, 3) FROM '^\((?:\?:?.?)?');
    ELSIF v_token IN ('?', '*', '+', '{') THEN
      v_token := coalesce(substring(substr(p_pattern, v_at, 12) FROM '^(?:[?*+]|\{\d{1,4}(?:,\d{0,4})?\})\??'), v_token);
    END IF;
    IF v_token ~ '^\\[1-9]' THEN
      RETURN format('it refers back (%s)', v_token);
    ELSIF v_token ~ '^\(\?[^:]?$' THEN
      RETURN format('it looks ahead or behind, or has options (%s)', v_token);
    ELSIF v_token ~ '^\(' THEN
      v_token := CASE WHEN v_token LIKE '(?:%' THEN '(?:' ELSE '(' END;
      v := v + 1;
      IF v > 20 THEN
        RETURN 'its groups are nested deeper than 20';
      END IF;
      v_pieces[v] := 0; v_empty[v] := 0; v_atom_pieces[v] := 0; v_atom_empty[v] := 0;
    ELSIF v_token = ')' AND v > 1 THEN
      v := v - 1;
      v_atom_pieces[v] := 1 + v_pieces[v + 1];
      v_atom_empty[v] := v_empty[v + 1] + (v_last IN ('(', '(?:', '|'))::integer;
      v_pieces[v] := v_pieces[v] + v_atom_pieces[v];
      v_empty[v] := v_empty[v] + v_atom_empty[v];
    ELSIF v_token ~ '^(?:[?*+]|\{\d)' THEN
      v_times := CASE left(v_token, 1) WHEN '{' THEN string_to_array(btrim(v_token, '{,}?'), ',') WHEN '+' THEN '{1}' ELSE '{0}' END;
      v_most := greatest(v_times[cardinality(v_times)], 1);
      -- What it repeats is counted once by now.
      v_pieces[v] := v_pieces[v] + (v_most - 1) * v_atom_pieces[v];
      v_empty[v] := v_empty[v] + (v_most - 1) * v_atom_empty[v] + (v_times[1] = 0)::integer;
      v_atom_pieces[v] := v_most * v_atom_pieces[v];
      v_atom_empty[v] := v_most * v_atom_empty[v] + (v_times[1] = 0)::integer;
    ELSE
      v_atom_pieces[v] := 1;
      v_atom_empty[v] := (v_token IN ('^', '$', '\A', '\Z', '\m', '\M', '\y', '\Y', '[[:<:]]', '[[:>:]]') OR v_token = '|' AND v_last IN ('(', '(?:', '|'))::integer;
      v_pieces[v] := v_pieces[v] + 1;
      v_empty[v] := v_empty[v] + v_atom_empty[v];
    END IF;
    IF v_pieces[v] > 400 THEN
      RETURN 'with its repeats written out it has more than 400 pieces';
    ELSIF v_empty[v] > 50 THEN
      RETURN 'with its repeats written out it has more than 50 pieces that may be empty';
    END IF;
    v_last := v_token;
    v_at := v_at + length(v_token);
  END LOOP;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_pattern_problem(text) IS 'Why the server could need longer for a pattern than its text is long: it refers back, looks ahead or behind, or is too large once its repeats are written out; null for one that cannot';
REVOKE ALL ON FUNCTION iu_core.fn_iu_pattern_problem(text) FROM PUBLIC;
