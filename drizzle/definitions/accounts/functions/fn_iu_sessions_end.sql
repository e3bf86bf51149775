-- requires: iu_core, iu_session
CREATE FUNCTION iu_core.fn_iu_sessions_end(p_account_id bigint, p_reason text)
RETURNS integer
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH ended AS (
    UPDATE iu_session SET ended_at = clock_timestamp(), end_reason = p_reason WHERE account_id = p_account_id AND ended_at IS NULL RETURNING 1
  )
  SELECT count(*)::integer FROM ended
$$;
COMMENT ON FUNCTION iu_core.fn_iu_sessions_end(bigint, text) IS 'Ends every session of an account; returns how many';
REVOKE ALL ON FUNCTION iu_core.fn_iu_sessions_end(bigint, text) FROM PUBLIC;
