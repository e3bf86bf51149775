-- requires: fn_iu_create_batch
CREATE FUNCTION iu_core.fn_iu_create(
  p_canonical_address text, p_unit_kind text, p_body text, p_title text DEFAULT '', p_source_path text DEFAULT NULL)
RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT (fn_iu_create_batch(ARRAY[p_canonical_address], ARRAY[p_unit_kind], ARRAY[p_body], ARRAY[p_title], p_source_path))[1] $$;
COMMENT ON FUNCTION iu_core.fn_iu_create(text, text, text, text, text) IS 'The birth gate, one unit: returns its id. Refusals as fn_iu_create_batch';
REVOKE ALL ON FUNCTION iu_core.fn_iu_create(text, text, text, text, text) FROM PUBLIC;
