-- requires: iu_route_worker_cursor
CREATE FUNCTION iu_core.fn_dot_cursor_object(p_worker_code text)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT jsonb_build_object('bucket_from', bucket_from, 'bucket_to', bucket_to) FROM iu_route_worker_cursor WHERE worker_code = p_worker_code $$;
COMMENT ON FUNCTION iu_core.fn_dot_cursor_object(text) IS 'A worker''s range of buckets, as receipts show it; null where there is no such worker';
REVOKE ALL ON FUNCTION iu_core.fn_dot_cursor_object(text) FROM PUBLIC;
