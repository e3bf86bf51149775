-- requires: iu_outbound_route
CREATE FUNCTION iu_core.fn_iu_routes_forget(p_route_codes text[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  IF EXISTS (SELECT FROM iu_route_attempt_rollup AS t JOIN iu_outbound_route AS r ON r.id = t.route_id WHERE r.route_code = ANY (p_route_codes)) THEN
    RAISE EXCEPTION 'attempts on these routes exist' USING ERRCODE = 'IU010', HINT = 'A route with history stays; disable it instead.';
  END IF;
  DELETE FROM iu_outbound_route WHERE route_code = ANY (p_route_codes);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_routes_forget(text[]) IS 'Removes routes, the rollback of their registration; refuses (IU010) when one has attempts';
REVOKE ALL ON FUNCTION iu_core.fn_iu_routes_forget(text[]) FROM PUBLIC;
