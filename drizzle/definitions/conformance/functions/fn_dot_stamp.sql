-- requires: dot_config, dot_inventory, dot_iu_command, iu_core, iu_event_type, iu_outbound_route
-- Which rows of the catalogue, the registries and the inventory there are, by the transactions that wrote them: a
-- stamp that was seen before means that nothing has been changed, by whatever statement. Sums, so that the order in
-- which rows are found does not count; what PostgreSQL itself brings has lower numbers. Some maintenance (REINDEX,
-- VACUUM FULL) changes it and means nothing, and so does what is made in other schemas: to leave that out would take
-- longer than to sum it up.
CREATE FUNCTION iu_core.fn_dot_stamp()
RETURNS TABLE (part text, classes text[], stamp text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  v_schema constant oid := 'iu_core'::regnamespace;
  v_registered constant text[] := '{config,event_type,route}';
BEGIN
  -- Vocabulary, and what else stands in the schema, serve no command.
  part := 'deployed';
  classes := '{schema,table,view,function,trigger,command}';
  stamp := concat_ws(' ',
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_namespace WHERE oid = v_schema),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_class WHERE relnamespace = v_schema),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_attribute WHERE attrelid >= 16384 AND attnum > 0),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_attrdef WHERE adrelid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_constraint WHERE connamespace = v_schema),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_index WHERE indrelid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_trigger WHERE tgrelid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_rewrite WHERE ev_class >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_policy),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_sequence),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_proc WHERE oid >= 16384 AND pronamespace = v_schema),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_description WHERE objoid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM dot_iu_command),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM dot_inventory AS i WHERE i.class <> ALL (v_registered)));
  RETURN NEXT;
  -- Which commands these serve is told by what was deployed.
  part := 'registered';
  classes := v_registered;
  stamp := concat_ws(' ', stamp,
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM dot_config),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM iu_event_type),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM iu_outbound_route),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM dot_inventory AS i WHERE i.class = ANY (v_registered)));
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_stamp() IS 'The two parts that are compared before a command is carried out, each with its classes and a stamp that any change to them changes: what only a deploy makes, and what commands register and switch; about a millisecond';
REVOKE ALL ON FUNCTION iu_core.fn_dot_stamp() FROM PUBLIC;
