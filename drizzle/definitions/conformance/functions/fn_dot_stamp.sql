-- requires: dot_config, dot_inventory, dot_iu_command, fn_dot_accepted, iu_core, iu_event_type, iu_outbound_route
-- Which rows of the catalogue, the registries and the inventory there are, by the transactions that wrote them: a
-- stamp that was seen before means that nothing has been changed, by whatever statement. Sums, so that the order in
-- which rows are found does not count; what PostgreSQL itself brings has lower numbers. Some maintenance (REINDEX,
-- VACUUM FULL) changes it and means nothing, and so does what is made in other schemas: to leave that out would take
-- longer than to sum it up. Which acceptances hold is part of it, so that one that expires turns it as one that is made does.
CREATE FUNCTION iu_core.fn_dot_stamp()
RETURNS TABLE (part text, classes text[], stamp text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  v_schema constant oid := 'iu_core'::regnamespace;
  v_registered constant text[] := '{config,event_type,route}';
  -- The acceptances that hold, by the part that they belong to; there are few, if any.
  v_accepted constant jsonb := (SELECT jsonb_object_agg(n.part, n.stamp) FROM (SELECT CASE WHEN a.class = ANY (v_registered) THEN 'registered' WHEN a.class = 'principal' THEN 'guards' ELSE 'deployed' END AS part, string_agg(a.decision_id::text, ',' ORDER BY a.decision_id) AS stamp FROM fn_dot_accepted() AS a GROUP BY 1) AS n);
BEGIN
  -- Vocabulary, and what else stands in the schema, serve no command.
  part := 'deployed';
  classes := '{schema,table,view,function,trigger,command}';
  stamp := concat_ws(' ', 'accepted ' || (v_accepted ->> part),
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
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_proc WHERE oid >= 16384 AND (pronamespace = v_schema OR oid IN (SELECT tgfoid FROM pg_trigger WHERE tgrelid >= 16384))),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_description WHERE objoid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM dot_iu_command),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM dot_inventory AS i WHERE i.class <> ALL (v_registered || '{principal}'::text[])));
  RETURN NEXT;
  -- Which commands these serve is told by what was deployed.
  part := 'registered';
  classes := v_registered;
  stamp := concat_ws(' ', stamp, 'accepted ' || (v_accepted ->> part),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM dot_config),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM iu_event_type),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM iu_outbound_route),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM dot_inventory AS i WHERE i.class = ANY (v_registered)));
  RETURN NEXT;
  part := 'guards';
  classes := '{principal}';
  -- Roles stand in a table that only an administrator may read; what shows of them is little.
  stamp := concat_ws(' ', 'accepted ' || (v_accepted ->> part), pg_conf_load_time(), current_setting('fsync'), current_setting('full_page_writes'),
    (SELECT sum(hash_record_extended(r, 0)) FROM pg_roles AS r),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_auth_members),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_db_role_setting),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_database WHERE datname = current_database()),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_parameter_acl),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_default_acl),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_event_trigger),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_publication),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_publication_rel),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_publication_namespace),
    (SELECT sum(hash_array_extended(ARRAY[oid], 0)) FROM pg_subscription),
    (SELECT sum(hashtextextended(slot_name, 0)) FROM pg_replication_slots),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_inherits),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_foreign_table),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_class WHERE oid >= 16384 AND relkind <> 't' AND relnamespace <> v_schema),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_attrdef WHERE adrelid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_rewrite WHERE ev_class >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_trigger WHERE tgrelid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_policy),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_constraint WHERE connamespace <> v_schema),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_cast WHERE oid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_proc WHERE oid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM dot_inventory AS i WHERE i.class = 'principal'));
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_stamp() IS 'The three parts that are compared before a command is carried out, each with its classes and a stamp that any change to them changes: what only a deploy makes, what commands register and switch, and what guards them from outside; milliseconds, where comparing takes ten times as long';
REVOKE ALL ON FUNCTION iu_core.fn_dot_stamp() FROM PUBLIC;
