-- requires: fn_iu_slug
CREATE FUNCTION iu_core.fn_iu_source_address(p_source_path text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH segment AS (
    SELECT n, (SELECT string_agg(s, '.' ORDER BY k) FILTER (WHERE s <> '')
               FROM unnest(string_to_array(given, '.')) WITH ORDINALITY AS d(part, k), fn_iu_slug(part) AS s) AS slug
    FROM unnest(string_to_array(p_source_path, '/')) WITH ORDINALITY AS g(given, n)
  ), joined AS (
    SELECT rtrim(left(coalesce(string_agg(slug, '/' ORDER BY n) FILTER (WHERE slug <> ''), 'file'), 400), './') AS address FROM segment
  )
  -- Whatever the slug loses (case included) the hash keeps: two sources never meet on one address by slugging.
  SELECT CASE WHEN address = p_source_path THEN address
              ELSE address || '-' || left(encode(sha256(convert_to(p_source_path, 'UTF8')), 'hex'), 8) END
  FROM joined
$$;
COMMENT ON FUNCTION iu_core.fn_iu_source_address(text) IS 'The canonical address of an imported file: its path as a slug, with 8 hex digits of the path''s SHA-256 where the slug lost something';
REVOKE ALL ON FUNCTION iu_core.fn_iu_source_address(text) FROM PUBLIC;
