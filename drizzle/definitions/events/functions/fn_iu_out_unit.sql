CREATE FUNCTION iu_core.fn_iu_out_unit()
RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  PERFORM fn_iu_outbox_append('iu.created', 'information_unit', array_agg(canonical_address ORDER BY id),
    array_agg(jsonb_build_object('unit_id', id, 'canonical_address', canonical_address, 'unit_kind', unit_kind, 'version_seq', current_version_seq) ORDER BY id))
  FROM new_rows HAVING count(*) > 0;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_out_unit() IS 'Trigger function: iu.created for every unit inserted, whoever inserted it';
REVOKE ALL ON FUNCTION iu_core.fn_iu_out_unit() FROM PUBLIC;
