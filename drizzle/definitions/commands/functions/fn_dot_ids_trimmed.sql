-- requires: fn_dot_id_trimmed, iu_core
-- An id that is pasted brings along what nobody sees: spaces, marks of no width, marks that turn the order of reading. What the contract
-- gives a pattern of its own is an id; any line of text may begin and end as it likes.
CREATE FUNCTION iu_core.fn_dot_ids_trimmed(p_params jsonb, p_schema jsonb)
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
