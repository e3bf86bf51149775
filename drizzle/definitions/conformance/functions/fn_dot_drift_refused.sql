-- requires: dot_drift_known, fn_dot_compare, fn_dot_drift_served, fn_dot_stamp, iu_core
-- What is not known refuses nothing, and v_dot_drift says why it is not known. Nobody waits for who keeps the answer.
-- What commands register and switch, which is little, changes with every other command; what was deployed, which
-- takes twenty times as long to compare, hardly ever does. So each is compared only when it has changed itself.
CREATE FUNCTION iu_core.fn_dot_drift_refused(p_keep boolean)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_part record;
  v_found jsonb;
  v_refused jsonb;
  v_all jsonb := '{}';
BEGIN
  FOR v_part IN SELECT part, classes, stamp FROM fn_dot_stamp() LOOP
    v_refused := (SELECT refused FROM dot_drift_known WHERE part = v_part.part AND stamp = v_part.stamp);
    IF v_refused IS NULL THEN
      v_found := fn_dot_compare(v_part.classes);
      IF v_found ->> 'digest' IS NULL THEN
        RETURN '{}';
      END IF;
      v_found := jsonb_path_query_array(v_found, 'strict $.objects[*] ? (@.state != "unknown")');
      v_refused := CASE WHEN v_found = '[]' THEN '{}' ELSE fn_dot_drift_served(v_found) END;
      IF p_keep AND pg_try_advisory_xact_lock(hashtext('iu_core drift known')) THEN
        INSERT INTO dot_drift_known AS k (part, stamp, refused, found_at) VALUES (v_part.part, v_part.stamp, v_refused, clock_timestamp())
        ON CONFLICT (part) DO UPDATE SET stamp = excluded.stamp, refused = excluded.refused, found_at = excluded.found_at;
      END IF;
    END IF;
    v_all := v_refused || v_all;
  END LOOP;
  RETURN v_all;
EXCEPTION WHEN undefined_table OR undefined_column OR undefined_function OR insufficient_privilege THEN
  -- What the comparison itself stands on is gone.
  RETURN '{}';
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_drift_refused(boolean) IS 'The commands that are refused while drift stands, each with the object: {"command": "class identity"}; compares only the part in which something has changed since it last did, and keeps the answer where p_keep says so';
REVOKE ALL ON FUNCTION iu_core.fn_dot_drift_refused(boolean) FROM PUBLIC;
