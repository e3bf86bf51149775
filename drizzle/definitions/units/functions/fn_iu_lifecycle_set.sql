-- requires: information_unit, iu_core
CREATE FUNCTION iu_core.fn_iu_lifecycle_set(p_unit_id bigint, p_status text)
RETURNS text
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  UPDATE information_unit
  SET lifecycle_status = coalesce(p_status, lifecycle_before[1], 'draft'),
      lifecycle_before = CASE WHEN p_status IS NULL THEN lifecycle_before[2:] ELSE lifecycle_status || lifecycle_before END
  WHERE id = p_unit_id
  RETURNING lifecycle_status
$$;
COMMENT ON FUNCTION iu_core.fn_iu_lifecycle_set(bigint, text) IS 'Retires or deletes a unit, or (null) brings it back to what it was before that; returns its status. A deleted unit that was retired comes back retired';
REVOKE ALL ON FUNCTION iu_core.fn_iu_lifecycle_set(bigint, text) FROM PUBLIC;
