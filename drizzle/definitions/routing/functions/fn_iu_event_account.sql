-- requires: fn_iu_event_standing
CREATE FUNCTION iu_core.fn_iu_event_account(p_most integer DEFAULT 10001)
RETURNS TABLE (events bigint, attempted bigint, held bigint, released bigint, discarded bigint, archived bigint, not_yet_routed bigint, unexplained bigint, is_exact boolean, audited_through bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT a.*
  FROM fn_iu_event_standing(p_most) AS s
  CROSS JOIN LATERAL jsonb_to_record(s.account) AS a(events bigint, attempted bigint, held bigint, released bigint, discarded bigint, archived bigint, not_yet_routed bigint, unexplained bigint, is_exact boolean, audited_through bigint)
  WHERE s.account IS NOT NULL
$$;
COMMENT ON FUNCTION iu_core.fn_iu_event_account(integer) IS 'The accounting identity from the audit and the events above it; exact unless p_most or more are unaudited, when it says so and counts at least';
REVOKE ALL ON FUNCTION iu_core.fn_iu_event_account(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_event_account(integer) TO iu_reader;
