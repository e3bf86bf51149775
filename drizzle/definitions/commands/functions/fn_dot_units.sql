-- requires: information_unit, iu_core
CREATE FUNCTION iu_core.fn_dot_units(p_addresses jsonb, p_field text)
RETURNS iu_core.information_unit[]
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_wrong text;
  v_units information_unit[];
BEGIN
  PERFORM FROM information_unit WHERE canonical_address IN (SELECT jsonb_array_elements_text(p_addresses)) ORDER BY id FOR UPDATE;
  SELECT a INTO v_wrong FROM jsonb_array_elements_text(p_addresses) AS a GROUP BY a HAVING count(*) > 1 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION '%: % is named twice', p_field, v_wrong USING ERRCODE = 'IU002', COLUMN = p_field;
  END IF;
  SELECT a INTO v_wrong FROM jsonb_array_elements_text(p_addresses) AS a WHERE NOT EXISTS (SELECT FROM information_unit WHERE canonical_address = a) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION '%: no piece has the address %', p_field, v_wrong USING ERRCODE = 'IU003', COLUMN = p_field;
  END IF;
  SELECT coalesce(array_agg(u ORDER BY g.n), '{}') INTO v_units
  FROM jsonb_array_elements_text(p_addresses) WITH ORDINALITY AS g(address, n) JOIN information_unit AS u ON u.canonical_address = g.address;
  RETURN v_units;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_units(jsonb, text) IS 'The units of a list of addresses, in its order, locked in the order of their ids; IU002 for one that is named twice, IU003 for one that does not exist';
REVOKE ALL ON FUNCTION iu_core.fn_dot_units(jsonb, text) FROM PUBLIC;
