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
