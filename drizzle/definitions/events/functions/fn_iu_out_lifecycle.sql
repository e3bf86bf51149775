CREATE FUNCTION iu_core.fn_iu_out_lifecycle()
RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  PERFORM fn_iu_outbox_append(
    CASE n.lifecycle_status WHEN 'retired' THEN 'iu.retired' ELSE 'iu.soft_deleted' END, 'information_unit',
    array_agg(n.canonical_address ORDER BY n.id),
    array_agg(jsonb_build_object('unit_id', n.id, 'canonical_address', n.canonical_address, 'previous_status', o.lifecycle_status) ORDER BY n.id))
  FROM new_rows AS n JOIN old_rows AS o ON o.id = n.id
  WHERE n.lifecycle_status IN ('retired', 'deleted') AND o.lifecycle_status <> n.lifecycle_status
  GROUP BY n.lifecycle_status;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_out_lifecycle() IS 'Trigger function: iu.retired and iu.soft_deleted when a unit''s lifecycle says so';
REVOKE ALL ON FUNCTION iu_core.fn_iu_out_lifecycle() FROM PUBLIC;
