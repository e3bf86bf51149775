CREATE FUNCTION iu_core.fn_iu_route_deliver(p_event_id bigint, p_route_id integer)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION 'live delivery is not built: event %, route %', p_event_id, p_route_id USING ERRCODE = 'feature_not_supported';
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_deliver(bigint, integer) IS 'The seam where live delivery will stand; until then it raises feature_not_supported, so that it fails closed';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_deliver(bigint, integer) FROM PUBLIC;
