-- requires: iu_console_process
CREATE FUNCTION iu_core.fn_iu_console_beat(p_process_id uuid, p_host text, p_pid integer, p_contract_unit text, p_contract_digest text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  UPDATE iu_console_process SET last_seen_at = clock_timestamp() WHERE process_id = p_process_id;
  IF NOT FOUND THEN
    DELETE FROM iu_console_process WHERE last_seen_at < clock_timestamp() - interval '1 day';
    INSERT INTO iu_console_process (process_id, host, pid, contract_unit, contract_digest)
    VALUES (p_process_id, left(p_host, 255), p_pid, left(p_contract_unit, 128), left(p_contract_digest, 128));
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_console_beat(uuid, text, integer, text, text) IS 'Says that a console is alive and which schema it was built for; whoever is new removes rows that have been silent for a day';
REVOKE ALL ON FUNCTION iu_core.fn_iu_console_beat(uuid, text, integer, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_console_beat(uuid, text, integer, text, text) TO iu_console;
