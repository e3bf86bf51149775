-- requires: iu_core
CREATE FUNCTION iu_core.fn_dot_instant(p_params jsonb, p_name text)
RETURNS timestamptz
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  RETURN (p_params ->> p_name)::timestamptz;
EXCEPTION WHEN invalid_datetime_format OR datetime_field_overflow OR invalid_time_zone_displacement_value THEN
  RAISE EXCEPTION '%: "%" is no time', p_name, left(p_params ->> p_name, 80) USING ERRCODE = 'IU002', COLUMN = p_name, HINT = 'Write it as 2030-01-31T12:00:00Z.';
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_instant(jsonb, text) IS 'A parameter that is a time, null where it is not given; IU002 when it is none';
REVOKE ALL ON FUNCTION iu_core.fn_dot_instant(jsonb, text) FROM PUBLIC;
