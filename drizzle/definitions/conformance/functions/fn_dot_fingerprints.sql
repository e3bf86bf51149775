-- requires: fn_dot_catalogue, fn_dot_state, iu_core
CREATE FUNCTION iu_core.fn_dot_fingerprints()
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT coalesce(jsonb_agg(jsonb_build_array(c.class, c.identity, encode(sha256(convert_to(c.definition, 'UTF8')), 'hex'), s.switched)), '[]')
  FROM fn_dot_catalogue() AS c LEFT JOIN fn_dot_state() AS s ON s.class = c.class AND s.identity = c.identity
$$;
COMMENT ON FUNCTION iu_core.fn_dot_fingerprints() IS 'Every live object as [class, identity, SHA-256 of its definition, switches]: the before of fn_dot_inventory_register';
REVOKE ALL ON FUNCTION iu_core.fn_dot_fingerprints() FROM PUBLIC;
