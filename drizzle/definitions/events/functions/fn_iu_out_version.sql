CREATE FUNCTION iu_core.fn_iu_out_version()
RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  -- The first version is part of the birth, which iu.created reports.
  PERFORM fn_iu_outbox_append('iu.version_applied', 'information_unit', array_agg(u.canonical_address ORDER BY n.unit_id, n.version_seq),
    array_agg(jsonb_build_object('unit_id', n.unit_id, 'canonical_address', u.canonical_address, 'version_seq', n.version_seq,
                                 'content_digest', encode(n.content_digest, 'hex'), 'byte_length', n.byte_length) ORDER BY n.unit_id, n.version_seq))
  FROM new_rows AS n JOIN information_unit AS u ON u.id = n.unit_id
  WHERE n.version_seq > 1
  HAVING count(*) > 0;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_out_version() IS 'Trigger function: iu.version_applied for every version after the first';
REVOKE ALL ON FUNCTION iu_core.fn_iu_out_version() FROM PUBLIC;
