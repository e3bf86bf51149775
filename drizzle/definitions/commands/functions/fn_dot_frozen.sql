-- requires: iu_core
-- As ranges: what follows upon another is one range, and a hundred thousand letters of one fault are a few.
CREATE FUNCTION iu_core.fn_dot_frozen(p_ids bigint[])
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT to_jsonb(coalesce(range_agg(int8range(i, i, '[]')), '{}')::text) FROM unnest(p_ids) AS i $$;
COMMENT ON FUNCTION iu_core.fn_dot_frozen(bigint[]) IS 'A set of ids as a plan keeps it';
REVOKE ALL ON FUNCTION iu_core.fn_dot_frozen(bigint[]) FROM PUBLIC;
