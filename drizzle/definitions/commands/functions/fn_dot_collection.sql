-- requires: iu_collection, iu_core
CREATE FUNCTION iu_core.fn_dot_collection(p_params jsonb, p_field text DEFAULT 'collection')
RETURNS iu_core.iu_collection
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_collection iu_collection;
BEGIN
  SELECT * INTO v_collection FROM iu_collection WHERE canonical_address = p_params ->> p_field AND status = 'active' FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION '%: no collection has the address %', p_field, p_params ->> p_field USING ERRCODE = 'IU003', COLUMN = p_field;
  END IF;
  RETURN v_collection;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_collection(jsonb, text) IS 'The collection that a parameter names by its address, locked; units are locked before it. IU003 when there is none';
REVOKE ALL ON FUNCTION iu_core.fn_dot_collection(jsonb, text) FROM PUBLIC;
