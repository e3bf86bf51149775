-- requires: iu_core
CREATE FUNCTION iu_core.fn_dot_thawed(p_frozen jsonb)
RETURNS bigint[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT coalesce(array_agg(i ORDER BY i), '{}')
  FROM unnest((p_frozen #>> '{}')::int8multirange) AS r CROSS JOIN LATERAL generate_series(lower(r), upper(r) - 1) AS i
$$;
COMMENT ON FUNCTION iu_core.fn_dot_thawed(jsonb) IS 'The ids of a set that fn_dot_frozen wrote';
REVOKE ALL ON FUNCTION iu_core.fn_dot_thawed(jsonb) FROM PUBLIC;
