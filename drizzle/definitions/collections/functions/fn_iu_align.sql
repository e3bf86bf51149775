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
  v_map integer[] := array_fill(0, ARRAY[greatest(cardinality(p_new), 1)]);   -- new number -> old number
  v_stack integer[] := ARRAY[1, cardinality(p_old), 1, cardinality(p_new)];
  v_top integer := 4;
  v_old_from integer;
  v_old_to integer;
  v_new_from integer;
  v_new_to integer;
  v_anchor_old integer[];
  v_anchor_new integer[];
  v_anchored boolean[];
BEGIN
  WITH coded AS (
    SELECT side, n, dense_rank() OVER (ORDER BY t)::integer AS code
    FROM (SELECT 'old' AS side, n, t FROM unnest(p_old) WITH ORDINALITY AS o(t, n)
          UNION ALL SELECT 'new', n, t FROM unnest(p_new) WITH ORDINALITY AS o(t, n)) AS given
  )
  SELECT coalesce(array_agg(code ORDER BY n) FILTER (WHERE side = 'old'), '{}'), coalesce(array_agg(code ORDER BY n) FILTER (WHERE side = 'new'), '{}')
  INTO v_old, v_new FROM coded;

  WHILE v_top > 0 LOOP
    v_old_from := v_stack[v_top - 3]; v_old_to := v_stack[v_top - 2]; v_new_from := v_stack[v_top - 1]; v_new_to := v_stack[v_top];
    v_top := v_top - 4;
    WHILE v_old_from <= v_old_to AND v_new_from <= v_new_to AND v_old[v_old_from] = v_new[v_new_from] LOOP
      v_map[v_new_from] := v_old_from;
      v_old_from := v_old_from + 1; v_new_from := v_new_from + 1;
    END LOOP;
    WHILE v_old_from <= v_old_to AND v_new_from <= v_new_to AND v_old[v_old_to] = v_new[v_new_to] LOOP
      v_map[v_new_to] := v_old_to;
      v_old_to := v_old_to - 1; v_new_to := v_new_to - 1;
    END LOOP;
    CONTINUE WHEN v_old_from > v_old_to OR v_new_from > v_new_to;

    -- Unique on both sides first; where nothing is, the n-th occurrence answers to the n-th.
    WITH o AS (
      SELECT code, v_old_from + n::integer - 1 AS no, row_number() OVER w AS nth, count(*) OVER (PARTITION BY code) AS times
      FROM unnest(v_old[v_old_from:v_old_to]) WITH ORDINALITY AS x(code, n) WINDOW w AS (PARTITION BY code ORDER BY n)
    ), w AS (
      SELECT code, v_new_from + n::integer - 1 AS no, row_number() OVER w AS nth, count(*) OVER (PARTITION BY code) AS times
      FROM unnest(v_new[v_new_from:v_new_to]) WITH ORDINALITY AS x(code, n) WINDOW w AS (PARTITION BY code ORDER BY n)
    ), matched AS (
      SELECT o.no AS o_no, w.no AS n_no, o.times = 1 AND w.times = 1 AS is_unique FROM o JOIN w USING (code, nth)
    )
    SELECT array_agg(o_no ORDER BY n_no), array_agg(n_no ORDER BY n_no) INTO v_anchor_old, v_anchor_new
    FROM matched WHERE is_unique OR NOT EXISTS (SELECT FROM matched WHERE is_unique);
    CONTINUE WHEN v_anchor_old IS NULL;

    v_anchored := fn_iu_longest_increasing(v_anchor_old);
    FOR i IN 1 .. cardinality(v_anchor_old) LOOP
      CONTINUE WHEN NOT v_anchored[i];
      v_map[v_anchor_new[i]] := v_anchor_old[i];
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
  WITH anchor AS (
    SELECT n::integer AS n_no, o AS o_no FROM unnest(v_map) WITH ORDINALITY AS m(o, n) WHERE o > 0
  ), old_left AS (
    SELECT no, code, p_old_kinds[no] AS kind, gap
    FROM (SELECT n::integer AS no, code, a.o_no, count(a.o_no) OVER (ORDER BY n) AS gap
          FROM unnest(v_old) WITH ORDINALITY AS x(code, n) LEFT JOIN anchor AS a ON a.o_no = n) AS old_all
    WHERE o_no IS NULL
  ), new_left AS (
    SELECT no, code, p_new_kinds[no] AS kind, gap
    FROM (SELECT n::integer AS no, code, a.n_no, count(a.n_no) OVER (ORDER BY n) AS gap
          FROM unnest(v_new) WITH ORDINALITY AS x(code, n) LEFT JOIN anchor AS a ON a.n_no = n) AS new_all
    WHERE n_no IS NULL
  ), moved AS (
    SELECT o.no AS o_no, w.no AS n_no
    FROM (SELECT no, code, row_number() OVER (PARTITION BY code ORDER BY no) AS nth FROM old_left) AS o
    JOIN (SELECT no, code, row_number() OVER (PARTITION BY code ORDER BY no) AS nth FROM new_left) AS w USING (code, nth)
  ), old_facing AS (SELECT * FROM old_left WHERE no NOT IN (SELECT o_no FROM moved)
  ), new_facing AS (SELECT * FROM new_left WHERE no NOT IN (SELECT n_no FROM moved)
  ), of_kind AS (
    SELECT o.no AS o_no, w.no AS n_no
    FROM (SELECT no, gap, kind, row_number() OVER (PARTITION BY gap, kind ORDER BY no) AS nth FROM old_facing) AS o
    JOIN (SELECT no, gap, kind, row_number() OVER (PARTITION BY gap, kind ORDER BY no) AS nth FROM new_facing) AS w USING (gap, kind, nth)
  ), of_any_kind AS (
    SELECT o.no AS o_no, w.no AS n_no
    FROM (SELECT no, gap, row_number() OVER (PARTITION BY gap ORDER BY no) AS nth FROM old_facing WHERE no NOT IN (SELECT o_no FROM of_kind)) AS o
    JOIN (SELECT no, gap, row_number() OVER (PARTITION BY gap ORDER BY no) AS nth FROM new_facing WHERE no NOT IN (SELECT n_no FROM of_kind)) AS w USING (gap, nth)
  ), paired AS (
    SELECT n_no, o_no, true AS same FROM anchor
    UNION ALL SELECT n_no, o_no, true FROM moved
    UNION ALL SELECT n_no, o_no, false FROM of_kind
    UNION ALL SELECT n_no, o_no, false FROM of_any_kind
  ), placed AS (
    SELECT p.n_no, p.stays
    FROM (SELECT array_agg(n_no ORDER BY n_no) AS n_nos, fn_iu_longest_increasing(coalesce(array_agg(o_no ORDER BY n_no), '{}')) AS keeps FROM paired) AS k,
         unnest(k.n_nos, k.keeps) AS p(n_no, stays)
  )
  SELECT p.n_no, p.o_no, p.same, placed.stays FROM paired AS p JOIN placed ON placed.n_no = p.n_no
  UNION ALL SELECT no, NULL, false, false FROM new_left WHERE no NOT IN (SELECT n_no FROM paired)
  UNION ALL SELECT NULL, no, false, false FROM old_left WHERE no NOT IN (SELECT o_no FROM paired);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_align(text[], text[], text[], text[]) IS 'Aligns the digests of an old and a new list of pieces: one row per piece of either. new_no null = removed, old_no null = born, is_same = text unchanged, stays = keeps its place';
REVOKE ALL ON FUNCTION iu_core.fn_iu_align(text[], text[], text[], text[]) FROM PUBLIC;
