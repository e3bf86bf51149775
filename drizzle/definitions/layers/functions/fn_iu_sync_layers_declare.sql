-- requires: iu_sync_layer
CREATE FUNCTION iu_core.fn_iu_sync_layers_declare(p_layers jsonb)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  INSERT INTO iu_sync_layer (layer_code, layer_no, name, description, fed_by)
  SELECT key, (value ->> 'no')::smallint, value ->> 'name', value ->> 'description', value ->> 'fed_by' FROM jsonb_each(p_layers)
  ON CONFLICT (layer_code) DO UPDATE SET layer_no = excluded.layer_no, name = excluded.name, description = excluded.description, fed_by = excluded.fed_by
$$;
COMMENT ON FUNCTION iu_core.fn_iu_sync_layers_declare(jsonb) IS 'Declares the layers: {"code": {"no", "name", "description", "fed_by"}}';
REVOKE ALL ON FUNCTION iu_core.fn_iu_sync_layers_declare(jsonb) FROM PUBLIC;
