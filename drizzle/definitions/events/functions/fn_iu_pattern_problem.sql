-- requires: iu_core
-- A pattern is taken where the server tells whether a text is like it in a time that grows with the text alone. Not so with
-- references back and with looks ahead or behind; and what may be empty (?, *, {0,2}, a side of |, ^) makes the
-- expression grow with the third power of how often it is there. So pieces are counted as if repeats were written out.
-- The expression has an arc for each kind of character that its sets and characters tell apart, too: n sets make 2^n kinds
-- of them at most, and a single character one. The product bounds what compiling takes: a fifth of a second at 50,000.
CREATE FUNCTION iu_core.fn_iu_pattern_problem(p_pattern text)
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
  v_sets text[] := '{}';
  v_characters text[] := '{}';
  v_kinds bigint;
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
      IF v_token ~ '^(?:\[|\\[dDsSwW])' THEN
        v_sets := array_append(array_remove(v_sets, lower(v_token)), lower(v_token));
      ELSE
        v_characters := array_append(array_remove(v_characters, v_token), v_token);
      END IF;
    END IF;
    IF v_pieces[v] > 400 THEN
      RETURN 'with its repeats written out it has more than 400 pieces';
    ELSIF v_empty[v] > 50 THEN
      RETURN 'with its repeats written out it has more than 50 pieces that may be empty';
    END IF;
    v_last := v_token;
    v_at := v_at + length(v_token);
  END LOOP;
  v_kinds := least(2::bigint ^ least(cardinality(v_sets), 30), 2 * length(p_pattern)) + cardinality(v_characters);
  IF v_kinds * v_pieces[1] * (1 + v_empty[1]) > 50000 THEN
    RETURN format('its sets tell %s kinds of characters apart, in %s pieces of which %s may be empty: their product is above 50,000', v_kinds, v_pieces[1], v_empty[1]);
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_pattern_problem(text) IS 'Why the server could need longer for a pattern than its text is long: it refers back, looks ahead or behind, or is too large once its repeats are written out; null for one that cannot';
REVOKE ALL ON FUNCTION iu_core.fn_iu_pattern_problem(text) FROM PUBLIC;
