-- requires: iu_core
-- Directus' tables are not ours: they are found by name, read where we may, and written by no function.
CREATE FUNCTION iu_core.fn_iu_directus_state()
RETURNS TABLE (state text, digest text, missing integer, detail text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_schema constant text := (SELECT n.nspname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
                             WHERE c.relname = 'directus_collections' AND c.relkind = 'r' ORDER BY n.nspname = 'public' DESC, n.nspname LIMIT 1);
  v_table text;
  v_wanted text[];
  v_registered text[];
  v_writable integer;
BEGIN
  IF v_schema IS NULL THEN
    RETURN QUERY SELECT 'not_connected', NULL::text, 0, 'Directus'' tables are not in this database';
    RETURN;
  END IF;
  FOREACH v_table IN ARRAY ARRAY['directus_collections', 'directus_fields', 'directus_permissions'] LOOP
    IF to_regclass(format('%I.%I', v_schema, v_table)) IS NULL OR NOT has_schema_privilege(v_schema, 'USAGE') OR NOT has_table_privilege(format('%I.%I', v_schema, v_table), 'SELECT') THEN
      RETURN QUERY SELECT 'behind', NULL::text, NULL::integer, format('iu_owner may not read %I.%I: grant it SELECT, so that this can be told', v_schema, v_table);
      RETURN;
    END IF;
  END LOOP;
  v_wanted := ARRAY(
    SELECT c.relname || '.' || a.attname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
    WHERE c.relnamespace = 'iu_core'::regnamespace AND c.relkind = 'v' AND has_table_privilege('iu_reader', c.oid, 'SELECT') ORDER BY 1);
  EXECUTE format('SELECT ARRAY(SELECT f.collection || ''.'' || f.field FROM %1$I.directus_fields AS f JOIN %1$I.directus_collections AS c ON c.collection = f.collection
                               WHERE f.readonly AND f.collection || ''.'' || f.field = ANY ($1) ORDER BY 1),
                         (SELECT count(*)::integer FROM %1$I.directus_permissions AS p WHERE p.action <> ''read'' AND p.collection = ANY (SELECT split_part(w, ''.'', 1) FROM unnest($1) AS w))', v_schema)
  INTO v_registered, v_writable USING v_wanted;
  RETURN QUERY
  SELECT CASE WHEN cardinality(v_registered) = cardinality(v_wanted) AND v_writable = 0 THEN 'in_step' ELSE 'behind' END,
         encode(sha256(convert_to(array_to_string(v_registered, chr(10)), 'UTF8')), 'hex'), cardinality(v_wanted) - cardinality(v_registered) + v_writable,
         concat_ws('; ', format('%s of %s columns of our views are registered, read-only', cardinality(v_registered), cardinality(v_wanted)),
                   CASE WHEN v_writable > 0 THEN format('%s permissions let somebody write', v_writable) END);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_directus_state() IS 'Whether Directus stands in this database and has every view that readers may see as a read-only collection; read from Directus'' own tables';
REVOKE ALL ON FUNCTION iu_core.fn_iu_directus_state() FROM PUBLIC;
