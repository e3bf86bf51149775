-- requires: dot_drift_known, fn_dot_drift, fn_dot_drift_served, fn_dot_stamp, iu_core
-- What is not known refuses nothing, and v_dot_drift says why it is not known. Nobody waits for who keeps the answer.
CREATE FUNCTION iu_core.fn_dot_drift_refused(p_keep boolean)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_stamp text;
  v_refused jsonb;
  v_drift jsonb;
BEGIN
  v_stamp := fn_dot_stamp();
  v_refused := (SELECT refused FROM dot_drift_known WHERE stamp = v_stamp);
  IF v_refused IS NOT NULL THEN
    RETURN v_refused;
  END IF;
  v_drift := (SELECT coalesce(jsonb_agg(jsonb_build_array(d.class, d.identity, d.state)), '[]') FROM fn_dot_drift() AS d);
  IF v_drift @? 'strict $[*] ? (@[0] == null)' THEN
    RETURN '{}';
  END IF;
  v_drift := jsonb_path_query_array(v_drift, 'strict $[*] ? (@[2] != "unknown")');
  v_refused := CASE WHEN v_drift = '[]' THEN '{}' ELSE fn_dot_drift_served(v_drift) END;
  IF p_keep AND pg_try_advisory_xact_lock(hashtext('iu_core drift known')) THEN
    DELETE FROM dot_drift_known;
    INSERT INTO dot_drift_known (stamp, refused) VALUES (v_stamp, v_refused);
  END IF;
  RETURN v_refused;
EXCEPTION WHEN undefined_table OR undefined_column OR undefined_function OR insufficient_privilege THEN
  -- What the comparison itself stands on is gone.
  RETURN '{}';
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_drift_refused(boolean) IS 'The commands that are refused while drift stands, each with the object: {"command": "class identity"}; compares only where something has changed since it last did, and keeps the answer where p_keep says so';
REVOKE ALL ON FUNCTION iu_core.fn_dot_drift_refused(boolean) FROM PUBLIC;
