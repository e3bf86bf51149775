-- requires: iu_event_type, fn_iu_schema_compile
CREATE FUNCTION iu_core.fn_iu_event_types_recompile()
RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH recompiled AS (
    UPDATE iu_event_type SET payload_predicate = fn_iu_schema_compile(payload_schema)
    WHERE payload_predicate::text IS DISTINCT FROM fn_iu_schema_compile(payload_schema)::text
    RETURNING 1
  )
  SELECT count(*) FROM recompiled
$$;
COMMENT ON FUNCTION iu_core.fn_iu_event_types_recompile() IS 'Compiles every payload schema anew, for a deployment that changes the compiler; returns how many predicates changed';
REVOKE ALL ON FUNCTION iu_core.fn_iu_event_types_recompile() FROM PUBLIC;
