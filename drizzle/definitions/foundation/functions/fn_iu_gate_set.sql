CREATE FUNCTION iu_core.fn_iu_gate_set(p_gate text, p_open boolean, p_reason text, p_expires_at timestamptz DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  IF p_open IS NULL THEN
    RAISE EXCEPTION 'open: say true or false' USING ERRCODE = 'IU002', COLUMN = 'open';
  END IF;
  IF coalesce(btrim(p_reason, E' \t\r\n'), '') = '' THEN
    RAISE EXCEPTION 'reason: a gate changes only with a reason'
      USING ERRCODE = 'IU002', COLUMN = 'reason', HINT = 'Say why: --reason TEXT';
  END IF;
  IF p_expires_at <= clock_timestamp() THEN
    RAISE EXCEPTION 'expires_at: % is past', p_expires_at USING ERRCODE = 'IU002', COLUMN = 'expires_at';
  END IF;
  UPDATE dot_config
  SET value = p_open::text, value_type = 'gate', reason = btrim(p_reason, E' \t\r\n'),
      expires_at = CASE WHEN p_open THEN p_expires_at END,
      changed_by = fn_iu_actor(), changed_at = clock_timestamp()
  WHERE key = p_gate;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'gate % does not exist', p_gate
      USING ERRCODE = 'IU003', COLUMN = 'gate',
            HINT = 'Gates: ' || coalesce((SELECT string_agg(key, ', ' ORDER BY key) FROM dot_config WHERE value_type = 'gate'), '(none: run iu db deploy)');
  END IF;
  RETURN fn_iu_gate_state(p_gate);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_gate_set(text, boolean, text, timestamptz) IS 'Opens or closes a gate with a reason, returns its state; IU002 without a reason, IU003 for an unknown gate';
REVOKE ALL ON FUNCTION iu_core.fn_iu_gate_set(text, boolean, text, timestamptz) FROM PUBLIC;
