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
