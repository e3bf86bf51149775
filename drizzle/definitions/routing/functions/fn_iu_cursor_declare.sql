-- requires: iu_route_worker_cursor
CREATE FUNCTION iu_core.fn_iu_cursor_declare(p_worker_code text, p_bucket_from integer, p_bucket_to integer)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  INSERT INTO iu_route_worker_cursor (worker_code, bucket_from, bucket_to) VALUES (p_worker_code, p_bucket_from, p_bucket_to)
  ON CONFLICT (worker_code) DO NOTHING
$$;
COMMENT ON FUNCTION iu_core.fn_iu_cursor_declare(text, integer, integer) IS 'Makes a worker''s cursor over a range of buckets; one that exists stays as it is';
REVOKE ALL ON FUNCTION iu_core.fn_iu_cursor_declare(text, integer, integer) FROM PUBLIC;
