-- What the composer calls its arguments, and what a command calls the parameter that they came from; the first
-- that the command has.
CREATE FUNCTION iu_core.fn_dot_field(p_column text, p_schema jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT coalesce((
    SELECT a.parameter
    FROM (VALUES (1, p_column, p_column), (2, 'canonical_address', 'address'), (3, 'canonical_address', 'source_path'), (4, 'unit_kind', 'kind'), (5, 'unit_kind', 'cut'),
                 (6, 'collection_kind', 'kind'), (7, 'unit_ids', 'piece'), (8, 'unit_ids', 'pieces'), (9, 'unit_ids', 'steps'), (10, 'unit_ids', 'checkpoint'), (11, 'starts', 'cut'),
                 (12, 'content', 'cut'), (13, 'section_levels', 'cut'), (14, 'worker_code', 'worker')) AS a(n, raised, parameter)
    WHERE a.raised = p_column AND p_schema -> 'properties' ? a.parameter
    ORDER BY a.n LIMIT 1), p_column)
$$;
COMMENT ON FUNCTION iu_core.fn_dot_field(text, jsonb) IS 'The parameter of a command that a refusal''s column stands for; the column itself where there is none';
REVOKE ALL ON FUNCTION iu_core.fn_dot_field(text, jsonb) FROM PUBLIC;
