-- requires: iu_event_type
CREATE FUNCTION iu_core.fn_iu_event_types_forget(p_event_types text[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  IF EXISTS (SELECT FROM event_outbox WHERE event_type = ANY (p_event_types)) THEN
    RAISE EXCEPTION 'events of these types exist' USING ERRCODE = 'IU010', HINT = 'An event type with history stays registered.';
  END IF;
  DELETE FROM iu_event_type WHERE event_type = ANY (p_event_types);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_event_types_forget(text[]) IS 'Removes event types, the rollback of their registration; refuses (IU010) when one has events';
REVOKE ALL ON FUNCTION iu_core.fn_iu_event_types_forget(text[]) FROM PUBLIC;
