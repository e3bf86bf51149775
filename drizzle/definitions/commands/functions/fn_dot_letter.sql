-- requires: iu_core, iu_route_dead_letter
CREATE FUNCTION iu_core.fn_dot_letter(p_dead_letter_id bigint)
RETURNS iu_core.iu_route_dead_letter
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_letter iu_route_dead_letter;
BEGIN
  SELECT * INTO v_letter FROM iu_route_dead_letter WHERE id = p_dead_letter_id FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'dead_letter: none has the id %', p_dead_letter_id USING ERRCODE = 'IU003', COLUMN = 'dead_letter';
  ELSIF v_letter.status <> 'open' THEN
    RAISE EXCEPTION 'dead_letter: % was % by % already', p_dead_letter_id, v_letter.status, v_letter.resolved_by USING ERRCODE = 'IU016', COLUMN = 'dead_letter';
  END IF;
  RETURN v_letter;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_letter(bigint) IS 'An open dead letter, locked; IU003 unknown, IU016 resolved already';
REVOKE ALL ON FUNCTION iu_core.fn_dot_letter(bigint) FROM PUBLIC;
