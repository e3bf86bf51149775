-- What one failure has of its own is taken out of its words, so that a fault has the same words each time: the value
-- that was found, whatever is quoted, identifiers, numbers. What breaks in many places of one payload is named once.
CREATE FUNCTION iu_core.fn_iu_failure_kind(p_failure_detail text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT coalesce(string_agg(DISTINCT part, '; ' ORDER BY part), '')
  FROM (
    SELECT regexp_replace(regexp_replace(regexp_replace(
             CASE WHEN p ~ ', have (string|number|boolean|object|array|null)$' THEN p ELSE regexp_replace(p, ', have .*$', ', have …') END,
             '''[^'']*(''|$)', '…', 'g'),
             '\m[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}\M', '…', 'g'),
             '\d+([.,:]\d+)*', '#', 'g') COLLATE "C" AS part
    FROM regexp_split_to_table(regexp_replace(left(p_failure_detail, 4000), '"(\\.|[^"\\])*("|$)', '…', 'g'), '; (?=\$)') AS p
  ) AS parts
$$;
COMMENT ON FUNCTION iu_core.fn_iu_failure_kind(text) IS 'A failure''s words without what this one event has of its own: values, quoted texts, identifiers, numbers';
REVOKE ALL ON FUNCTION iu_core.fn_iu_failure_kind(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_failure_kind(text) TO iu_reader;
