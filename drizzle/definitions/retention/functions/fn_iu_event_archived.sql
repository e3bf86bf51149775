-- requires: event_outbox, v_iu_archive
CREATE FUNCTION iu_core.fn_iu_event_archived(p_event_id bigint)
RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT NOT EXISTS (SELECT FROM event_outbox WHERE id = p_event_id)
     AND EXISTS (SELECT FROM v_iu_archive WHERE p_event_id BETWEEN first_id AND last_id AND is_removed)
$$;
COMMENT ON FUNCTION iu_core.fn_iu_event_archived(bigint) IS 'Whether an event that there was is in an archive and not in the outbox';
REVOKE ALL ON FUNCTION iu_core.fn_iu_event_archived(bigint) FROM PUBLIC;
