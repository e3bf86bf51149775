-- What one failure has of its own is taken out of its words, so that a fault has the same words each time: the value
-- that was found, whatever is quoted, identifiers, numbers. What breaks in many places of one payload is named once.
-- A dead letter's fingerprint is made of it while a pass waits: of most, one fault with nothing quoted, by one expression.
CREATE FUNCTION iu_core.fn_iu_failure_kind(p_failure_detail text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
AS $$
DECLARE
  v_parts text[];
BEGIN
  IF p_failure_detail !~ '["'']|; \$|[0-9a-fA-F]{12}' AND length(p_failure_detail) <= 4000 THEN
    RETURN regexp_replace(
      CASE WHEN strpos(p_failure_detail, ', have ') = 0 OR split_part(p_failure_detail, ', have ', -1) IN ('string', 'number', 'boolean', 'object', 'array', 'null') THEN p_failure_detail
           ELSE split_part(p_failure_detail, ', have ', 1) || ', have …' END,
      '\d+([.,:]\d+)*', '#', 'g');
  END IF;
  v_parts := regexp_split_to_array(regexp_replace(left(coalesce(p_failure_detail, ''), 4000), '"(\\.|[^"\\])*("|$)', '…', 'g'), '; (?=\$)');
  FOR i IN 1 .. cardinality(v_parts) LOOP
    v_parts[i] := regexp_replace(regexp_replace(regexp_replace(
      CASE WHEN v_parts[i] ~ ', have (string|number|boolean|object|array|null)$' THEN v_parts[i] ELSE regexp_replace(v_parts[i], ', have .*$', ', have …') END,
      '''[^'']*(''|$)', '…', 'g'),
      '\m[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}\M', '…', 'g'),
      '\d+([.,:]\d+)*', '#', 'g');
  END LOOP;
  IF cardinality(v_parts) = 1 THEN
    RETURN v_parts[1];
  END IF;
  RETURN (SELECT string_agg(DISTINCT part, '; ' ORDER BY part) FROM (SELECT unnest(v_parts) COLLATE "C" AS part) AS parts);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_failure_kind(text) IS 'A failure''s words without what this one event has of its own: values, quoted texts, identifiers, numbers';
REVOKE ALL ON FUNCTION iu_core.fn_iu_failure_kind(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_failure_kind(text) TO iu_reader;
