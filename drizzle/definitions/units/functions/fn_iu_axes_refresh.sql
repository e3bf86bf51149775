-- requires: fn_iu_axes_derive, iu_core, iu_unit_axis
CREATE FUNCTION iu_core.fn_iu_axes_refresh(p_unit_ids bigint[])
RETURNS integer
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH derived AS MATERIALIZED (
    SELECT * FROM fn_iu_axes_derive(p_unit_ids)
  ), gone AS (
    DELETE FROM iu_unit_axis AS a
    WHERE a.unit_id = ANY (p_unit_ids) AND NOT EXISTS (SELECT FROM derived AS d WHERE (d.unit_id, d.axis) = (a.unit_id, a.axis))
    RETURNING 1
  ), written AS (
    INSERT INTO iu_unit_axis AS a (unit_id, axis, value) SELECT unit_id, axis, value FROM derived ORDER BY unit_id, axis
    ON CONFLICT (unit_id, axis) DO UPDATE SET value = excluded.value WHERE a.value <> excluded.value
    RETURNING 1
  )
  SELECT ((SELECT count(*) FROM gone) + (SELECT count(*) FROM written))::integer
$$;
COMMENT ON FUNCTION iu_core.fn_iu_axes_refresh(bigint[]) IS 'Brings the axes of these units to what is derived; returns how many were written or removed';
REVOKE ALL ON FUNCTION iu_core.fn_iu_axes_refresh(bigint[]) FROM PUBLIC;
