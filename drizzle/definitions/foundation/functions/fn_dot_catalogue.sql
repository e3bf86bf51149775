-- The one reader of the live catalogue. Its search_path decides how PostgreSQL spells names, which is
-- why this is a function and not a view; the other settings pin how it spells what it says, whatever the
-- session has set. Gate values, a route's switches and trigger state are not part of a definition: commands
-- change them, and fn_dot_state() reads them. What stands here beside what every object has is spelled only
-- where it is not as CREATE makes it. A class that is not asked for costs nothing: one plan serves whatever is
-- asked, and leaves out what is not. What guards the schema from outside, class principal, is no object of it, and is
-- read where it is asked for by name.
CREATE FUNCTION iu_core.fn_dot_catalogue(p_classes text[] DEFAULT NULL)
RETURNS TABLE (class text, identity text, definition text, facts text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, iu_core, pg_temp
SET quote_all_identifiers = off
SET standard_conforming_strings = on
SET bytea_output = hex
SET DateStyle = 'ISO, YMD'
SET IntervalStyle = postgres
SET TimeZone = 'UTC'
SET extra_float_digits = 1
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  v_data record;
  v_columns text[];
BEGIN
  -- What is data, but part of what was deployed. A unit before its table finds none, and
  -- fn_dot_drift() says that nothing is known of a table that cannot be read.
  FOR v_data IN
    SELECT * FROM (VALUES
      ('config', 'dot_config', '{key}', '{value_type,description}', '{value,reason}', '{false,"made anew, closed"}',
        'concat_ws(chr(10), value_type, description)'),
      ('vocabulary', 'iu_vocabulary', '{term_class,term}', '{description}', '{}', '{}', 'description'),
      ('command', 'dot_iu_command', '{command_code}', '{area,tier,required_right,gates,reason_required,confirm_param,body_params,secret_params,description,param_schema}', '{}', '{}',
        'concat_ws(chr(10), area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)'),
      ('event_type', 'iu_event_type', '{event_type}', '{event_domain,delivery_lane,is_system,description,payload_schema,payload_predicate}', '{}', '{}',
        'concat_ws(chr(10), event_domain, delivery_lane, is_system, description, payload_schema, payload_predicate)'),
      ('route', 'iu_outbound_route', '{route_code}', '{event_type,target_kind,target_ref,definition_digest}', '{}', '{}', 'concat_ws(chr(10), event_type, target_kind, target_ref)')
    ) AS v(class, relation, keys, columns, fixed, fixed_values, facts)
  LOOP
    CONTINUE WHEN NOT v_data.class = ANY (p_classes) OR has_table_privilege(to_regclass('iu_core.' || v_data.relation), 'SELECT') IS NOT TRUE;
    -- The definition of a row is the statement that makes it, or makes it again.
    v_columns := v_data.keys::text[] || v_data.columns::text[];
    RETURN QUERY EXECUTE format('SELECT %L::text, concat_ws('' '', %s)::text, format(%L, %s), (%s)::text FROM iu_core.%I', v_data.class, array_to_string(v_data.keys::text[], ', '),
      format(E'INSERT INTO %I (%s)\nVALUES (\n  %s)\nON CONFLICT (%s) DO UPDATE SET %s;', v_data.relation, array_to_string(v_columns || v_data.fixed::text[], ', '),
        (SELECT string_agg(v, E',\n  ' ORDER BY n) FROM (SELECT '%L', n FROM unnest(v_columns) WITH ORDINALITY AS c(c, n) UNION ALL SELECT quote_literal(f), 1000 + n FROM unnest(v_data.fixed_values::text[]) WITH ORDINALITY AS f(f, n)) AS v(v, n)),
        array_to_string(v_data.keys::text[], ', '), (SELECT string_agg(format('%s = excluded.%1$s', c), ', ') FROM unnest(v_data.columns::text[]) AS c)),
      (SELECT string_agg(c || '::text', ', ') FROM unnest(v_columns) AS c), v_data.facts, v_data.relation);
  END LOOP;
  IF 'principal' = ANY (p_classes) THEN
    RETURN QUERY SELECT 'principal', p.identity, p.definition, p.undo FROM fn_dot_principals() AS p;
  END IF;
  -- To plan the rest takes longer than to read all data.
  IF p_classes <@ '{config,vocabulary,command,event_type,route,principal}' THEN
    RETURN;
  END IF;

  RETURN QUERY
  WITH grants AS (
    SELECT o.objid, o.classid, string_agg(format('%s %s', privilege, grantee), ', ' ORDER BY grantee, privilege) AS facts,
           string_agg(CASE WHEN is_lost THEN format('REVOKE %s ON %s%s FROM %s;', privilege_type, o.prefix, o.name, grantee)
                           ELSE format('GRANT %s ON %s%s TO %s%s;', privilege_type, o.prefix, o.name, grantee, CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END) END, chr(10) ORDER BY grantee, privilege) AS sql
    FROM (
      SELECT oid AS objid, 'pg_class'::regclass AS classid, '' AS prefix, relname::text AS name, relowner AS owner, coalesce(relacl, acldefault('r', relowner)) AS acl, acldefault('r', relowner) AS whole
      FROM pg_class WHERE relnamespace = 'iu_core'::regnamespace AND relkind IN ('r', 'v')
      UNION ALL
      SELECT oid, 'pg_proc'::regclass, 'FUNCTION ', oid::regprocedure::text, proowner, coalesce(proacl, acldefault('f', proowner)), acldefault('f', proowner)
      FROM pg_proc WHERE pronamespace = 'iu_core'::regnamespace
      UNION ALL
      SELECT oid, 'pg_namespace'::regclass, 'SCHEMA ', nspname::text, nspowner, coalesce(nspacl, acldefault('n', nspowner)), acldefault('n', nspowner)
      FROM pg_namespace WHERE oid = 'iu_core'::regnamespace
    ) AS o
    CROSS JOIN LATERAL (
      SELECT a.privilege_type || CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS privilege,
             CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee, a.privilege_type, a.is_grantable, false AS is_lost
      FROM aclexplode(o.acl) AS a WHERE a.grantee <> o.owner
      UNION ALL
      SELECT 'without ' || w.privilege_type, w.grantee::regrole::text, w.privilege_type, false, true
      FROM aclexplode(o.whole) AS w
      WHERE o.acl <> o.whole AND w.grantee = o.owner AND NOT EXISTS (SELECT FROM aclexplode(o.acl) AS a WHERE a.grantee = o.owner AND a.privilege_type = w.privilege_type)
    ) AS g
    GROUP BY o.objid, o.classid
  ), column_grants AS (
    SELECT a.attrelid AS objid, string_agg(format('GRANT %s (%I) ON %I TO %s%s;', x.privilege_type, a.attname, a.attrelid::regclass, CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END,
             CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' END), chr(10) ORDER BY a.attname COLLATE "C", x.grantee::regrole::text COLLATE "C", x.privilege_type) AS sql
    FROM pg_attribute AS a CROSS JOIN LATERAL aclexplode(a.attacl) AS x
    WHERE a.attacl IS NOT NULL AND NOT a.attisdropped AND a.attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'iu_core'::regnamespace)
    GROUP BY a.attrelid
  ), rules AS (
    SELECT r.ev_class AS objid, string_agg(regexp_replace(pg_get_ruledef(r.oid), '\s+', ' ', 'g'), chr(10) ORDER BY r.rulename COLLATE "C") AS sql
    FROM pg_rewrite AS r JOIN pg_class AS c ON c.oid = r.ev_class WHERE c.relnamespace = 'iu_core'::regnamespace AND r.rulename <> '_RETURN'
    GROUP BY r.ev_class
  ), described AS NOT MATERIALIZED (   -- by its index, object by object
    SELECT objoid, classoid, objsubid, description FROM pg_description
  )
  SELECT o.class, o.identity, o.definition, o.facts FROM (
  SELECT 'schema', n.nspname::text,
         concat_ws(chr(10), format('CREATE SCHEMA %I AUTHORIZATION %s;', n.nspname, n.nspowner::regrole), format('COMMENT ON SCHEMA %I IS %L;', n.nspname, d.description), g.sql),
         concat_ws('; ', 'owner ' || n.nspowner::regrole, g.facts)
  FROM pg_namespace AS n
  LEFT JOIN grants AS g ON g.objid = n.oid AND g.classid = 'pg_namespace'::regclass
  LEFT JOIN described AS d ON d.objoid = n.oid AND d.classoid = 'pg_namespace'::regclass
  WHERE n.oid = 'iu_core'::regnamespace

  UNION ALL
  SELECT 'table', c.relname::text,
         concat_ws(chr(10),
           format('CREATE TABLE %I (%s)%s;', c.relname, (
             SELECT chr(10) || string_agg('  ' || line, ',' || chr(10) ORDER BY part, place) || chr(10) FROM (
               SELECT 1 AS part, a.attnum::text COLLATE "C" AS place_text, a.attnum::integer AS place,
                      concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
                        CASE WHEN a.attcollation NOT IN (0, (SELECT typcollation FROM pg_type WHERE oid = a.atttypid)) THEN 'COLLATE ' || a.attcollation::regcollation END,
                        CASE WHEN a.attgenerated = 's' THEN format('GENERATED ALWAYS AS (%s) STORED', pg_get_expr(x.adbin, x.adrelid))
                             WHEN a.attgenerated <> '' THEN format('GENERATED ALWAYS AS (%s) VIRTUAL', pg_get_expr(x.adbin, x.adrelid))
                             WHEN a.attidentity = 'a' THEN 'GENERATED ALWAYS AS IDENTITY'
                             WHEN a.attidentity = 'd' THEN 'GENERATED BY DEFAULT AS IDENTITY'
                             WHEN x.adbin IS NOT NULL THEN 'DEFAULT ' || pg_get_expr(x.adbin, x.adrelid) END,
                        CASE WHEN a.attnotnull THEN 'NOT NULL' END) AS line
               FROM pg_attribute AS a LEFT JOIN pg_attrdef AS x ON x.adrelid = a.attrelid AND x.adnum = a.attnum
               WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
               UNION ALL
               SELECT 2, k.conname, (row_number() OVER (ORDER BY k.conname COLLATE "C"))::integer, format('CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid))
               FROM pg_constraint AS k WHERE k.conrelid = c.oid AND (k.contype IN ('p', 'u', 'c', 'f', 'x') OR k.contype = 'n' AND NOT k.convalidated)
             ) AS lines),
             CASE WHEN c.reloptions IS NOT NULL THEN format(' WITH (%s)', array_to_string(c.reloptions, ', ')) END),
           format('ALTER TABLE %I OWNER TO %s;', c.relname, c.relowner::regrole),
           (SELECT string_agg(pg_get_indexdef(i.indexrelid) || ';', chr(10) ORDER BY i.indexrelid::regclass::text COLLATE "C")
            FROM pg_index AS i WHERE i.indrelid = c.oid AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.indexrelid AND k.conrelid = c.oid AND k.contype IN ('p', 'u', 'x'))),
           (SELECT string_agg(format('COMMENT ON %s IS %L;', CASE WHEN a.attname IS NULL THEN 'TABLE ' || quote_ident(c.relname) ELSE format('COLUMN %I.%I', c.relname, a.attname) END, d.description), chr(10) ORDER BY d.objsubid)
            FROM described AS d LEFT JOIN pg_attribute AS a ON a.attrelid = d.objoid AND a.attnum = d.objsubid AND d.objsubid > 0
            WHERE d.objoid = c.oid AND d.classoid = 'pg_class'::regclass),
           (SELECT string_agg(format('COMMENT ON CONSTRAINT %I ON %I IS %L;', k.conname, c.relname, d.description), chr(10) ORDER BY k.conname COLLATE "C")
            FROM pg_constraint AS k JOIN described AS d ON d.objoid = k.oid AND d.classoid = 'pg_constraint'::regclass WHERE k.conrelid = c.oid),
           g.sql,
           CASE WHEN c.relpersistence <> 'p' THEN format('ALTER TABLE %I SET UNLOGGED;', c.relname) END,
           CASE WHEN c.relreplident <> 'd' THEN format('ALTER TABLE %I REPLICA IDENTITY %s;', c.relname, CASE c.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING' ELSE 'USING INDEX' END) END,
           CASE WHEN c.reltablespace <> 0 THEN format('ALTER TABLE %I SET TABLESPACE %I;', c.relname, (SELECT spcname FROM pg_tablespace WHERE oid = c.reltablespace)) END,
           CASE WHEN c.relrowsecurity THEN format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY;', c.relname) END,
           CASE WHEN c.relforcerowsecurity THEN format('ALTER TABLE %I FORCE ROW LEVEL SECURITY;', c.relname) END,
           (SELECT string_agg(format('CREATE POLICY %I ON %I AS %s FOR %s TO %s%s%s;', p.polname, c.relname, CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
                     CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
                     (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE r::regrole::text END, ', ') FROM unnest(p.polroles) AS r),
                     ' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', ' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')'), chr(10) ORDER BY p.polname COLLATE "C")
            FROM pg_policy AS p WHERE p.polrelid = c.oid),
           (SELECT string_agg(CASE WHEN c.relispartition THEN format('ALTER TABLE %s ATTACH PARTITION %I %s;', h.inhparent::regclass, c.relname, pg_get_expr(c.relpartbound, c.oid)) ELSE format('ALTER TABLE %I INHERIT %s;', c.relname, h.inhparent::regclass) END, chr(10) ORDER BY h.inhseqno) FROM pg_inherits AS h WHERE h.inhrelid = c.oid),
           (SELECT string_agg(concat_ws(chr(10),
                     CASE WHEN a.attstorage <> y.typstorage THEN format('ALTER TABLE %I ALTER COLUMN %I SET STORAGE %s;', c.relname, a.attname, CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END) END,
                     CASE WHEN a.attcompression <> '' THEN format('ALTER TABLE %I ALTER COLUMN %I SET COMPRESSION %s;', c.relname, a.attname, CASE a.attcompression WHEN 'p' THEN 'pglz' ELSE 'lz4' END) END,
                     CASE WHEN coalesce(a.attstattarget, -1) <> -1 THEN format('ALTER TABLE %I ALTER COLUMN %I SET STATISTICS %s;', c.relname, a.attname, a.attstattarget) END,
                     CASE WHEN a.attoptions IS NOT NULL THEN format('ALTER TABLE %I ALTER COLUMN %I SET (%s);', c.relname, a.attname, array_to_string(a.attoptions, ', ')) END), chr(10) ORDER BY a.attnum)
            FROM pg_attribute AS a JOIN pg_type AS y ON y.oid = a.atttypid
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND (a.attstorage <> y.typstorage OR a.attcompression <> '' OR coalesce(a.attstattarget, -1) <> -1 OR a.attoptions IS NOT NULL)),
           (SELECT string_agg(format('REINDEX INDEX %s;', i.indexrelid::regclass), chr(10) ORDER BY i.indexrelid::regclass::text COLLATE "C") FROM pg_index AS i WHERE i.indrelid = c.oid AND NOT i.indisvalid),
           (SELECT nullif(string_agg(concat_ws(chr(10),
                     CASE WHEN (q.seqstart, q.seqincrement, q.seqmin, q.seqcache, q.seqcycle) IS DISTINCT FROM (1::bigint, 1::bigint, 1::bigint, 1::bigint, false)
                       OR q.seqmax <> CASE q.seqtypid WHEN 'bigint'::regtype THEN 9223372036854775807 WHEN 'integer'::regtype THEN 2147483647 ELSE 32767 END
                       THEN format('ALTER SEQUENCE %I START %s INCREMENT %s MINVALUE %s MAXVALUE %s CACHE %s %s;', s.relname, q.seqstart, q.seqincrement, q.seqmin, q.seqmax, q.seqcache, CASE WHEN q.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END) END,
                     CASE WHEN s.relowner <> c.relowner THEN format('ALTER SEQUENCE %I OWNER TO %s;', s.relname, s.relowner::regrole) END,
                     (SELECT string_agg(format('GRANT %s ON SEQUENCE %I TO %s%s;', x.privilege_type, s.relname, CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END, CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' END),
                               chr(10) ORDER BY x.grantee::regrole::text COLLATE "C", x.privilege_type) FROM aclexplode(s.relacl) AS x WHERE x.grantee <> s.relowner)), chr(10) ORDER BY s.relname COLLATE "C"), '')
            FROM pg_depend AS b JOIN pg_class AS s ON s.oid = b.objid AND s.relkind = 'S' JOIN pg_sequence AS q ON q.seqrelid = s.oid
            WHERE b.classid = 'pg_class'::regclass AND b.refclassid = 'pg_class'::regclass AND b.refobjid = c.oid AND b.deptype = 'i'
            HAVING bool_or(s.relacl IS NOT NULL OR s.relowner <> c.relowner OR q.seqstart <> 1 OR q.seqincrement <> 1 OR q.seqmin <> 1 OR q.seqcache <> 1 OR q.seqcycle
                        OR q.seqmax <> CASE q.seqtypid WHEN 'bigint'::regtype THEN 9223372036854775807 WHEN 'integer'::regtype THEN 2147483647 ELSE 32767 END)),
           cg.sql, ru.sql),
         concat_ws('; ', 'owner ' || c.relowner::regrole, g.facts, (
           SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))
  FROM pg_class AS c LEFT JOIN grants AS g ON g.objid = c.oid AND g.classid = 'pg_class'::regclass
  LEFT JOIN column_grants AS cg ON cg.objid = c.oid
  LEFT JOIN rules AS ru ON ru.objid = c.oid
  WHERE c.relnamespace = 'iu_core'::regnamespace AND c.relkind = 'r'

  UNION ALL
  SELECT 'function', p.oid::regprocedure::text,
         concat_ws(chr(10), rtrim(pg_get_functiondef(p.oid), chr(10)) || ';', format('ALTER FUNCTION %s OWNER TO %s;', p.oid::regprocedure, p.proowner::regrole),
                   format('COMMENT ON FUNCTION %s IS %L;', p.oid::regprocedure, d.description), g.sql),
         concat_ws('; ', 'owner ' || p.proowner::regrole, CASE WHEN p.prosecdef THEN 'security definer' ELSE 'security invoker' END,
                   CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END, array_to_string(p.proconfig, ', '), g.facts)
  FROM pg_proc AS p
  LEFT JOIN grants AS g ON g.objid = p.oid AND g.classid = 'pg_proc'::regclass
  LEFT JOIN described AS d ON d.objoid = p.oid AND d.classoid = 'pg_proc'::regclass
  WHERE p.pronamespace = 'iu_core'::regnamespace AND p.prokind <> 'a'   -- an aggregate has no such definition

  UNION ALL
  SELECT 'view', c.relname::text,
         concat_ws(chr(10), format('CREATE VIEW %I%s AS', c.relname, CASE WHEN c.reloptions IS NOT NULL THEN format(' WITH (%s)', array_to_string(c.reloptions, ', ')) END),
                   pg_get_viewdef(c.oid), format('ALTER VIEW %I OWNER TO %s;', c.relname, c.relowner::regrole), format('COMMENT ON VIEW %I IS %L;', c.relname, d.description), g.sql,
                   (SELECT string_agg(format('ALTER VIEW %I ALTER COLUMN %I SET DEFAULT %s;', c.relname, a.attname, pg_get_expr(x.adbin, x.adrelid)), chr(10) ORDER BY a.attnum)
                    FROM pg_attrdef AS x JOIN pg_attribute AS a ON a.attrelid = x.adrelid AND a.attnum = x.adnum WHERE x.adrelid = c.oid),
                   cg.sql, ru.sql),
         concat_ws('; ', 'owner ' || c.relowner::regrole, g.facts, (
           SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0))
  FROM pg_class AS c
  LEFT JOIN grants AS g ON g.objid = c.oid AND g.classid = 'pg_class'::regclass
  LEFT JOIN described AS d ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
  LEFT JOIN column_grants AS cg ON cg.objid = c.oid
  LEFT JOIN rules AS ru ON ru.objid = c.oid
  WHERE c.relnamespace = 'iu_core'::regnamespace AND c.relkind = 'v'

  UNION ALL
  SELECT 'trigger', format('%s on %s', t.tgname, t.tgrelid::regclass),
         concat_ws(chr(10), pg_get_triggerdef(t.oid) || ';', format('COMMENT ON TRIGGER %I ON %s IS %L;', t.tgname, t.tgrelid::regclass, d.description),
                   -- A function of ours is compared by itself.
                   CASE WHEN p.pronamespace <> 'iu_core'::regnamespace THEN pg_get_functiondef(p.oid) END),
         'executes ' || t.tgfoid::regprocedure
  FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_proc AS p ON p.oid = t.tgfoid
  LEFT JOIN described AS d ON d.objoid = t.oid AND d.classoid = 'pg_trigger'::regclass
  WHERE c.relnamespace = 'iu_core'::regnamespace AND NOT t.tgisinternal

  -- Whatever else stands in the schema. Row types, array types, indexes and identity sequences belong to what
  -- is read above.
  UNION ALL
  SELECT 'other', format('%s %s', o.type, o.identity), format('-- %s %s', o.type, o.identity), o.type
  FROM pg_depend AS d CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) AS o
  WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = 'iu_core'::regnamespace AND d.deptype IN ('n', 'a')
    AND NOT (d.classid = 'pg_proc'::regclass AND (SELECT prokind <> 'a' FROM pg_proc WHERE oid = d.objid))
    AND NOT (d.classid = 'pg_class'::regclass AND (SELECT relkind IN ('r', 'v') FROM pg_class WHERE oid = d.objid))
    AND NOT (d.classid = 'pg_class'::regclass AND EXISTS (SELECT FROM pg_depend AS i WHERE i.classid = d.classid AND i.objid = d.objid AND i.deptype = 'i' AND i.refobjid <> d.objid))
    -- Who publishes the schema guards it, and has a row there.
    AND d.classid NOT IN ('pg_default_acl'::regclass, 'pg_publication_namespace'::regclass)
  UNION ALL
  SELECT 'other', format('default privileges of %s on %s', a.defaclrole::regrole, a.defaclobjtype),
         format('-- default privileges of %s on %s: %s', a.defaclrole::regrole, a.defaclobjtype, a.defaclacl),
         (SELECT string_agg(format('ALTER DEFAULT PRIVILEGES FOR ROLE %s IN SCHEMA iu_core REVOKE ALL ON %s FROM %s CASCADE;', a.defaclrole::regrole,
                   CASE a.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS' ELSE 'TYPES' END, g.grantee), chr(10) ORDER BY g.grantee COLLATE "C")
          FROM (SELECT DISTINCT CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END AS grantee FROM aclexplode(a.defaclacl) AS x) AS g)
  FROM pg_default_acl AS a WHERE a.defaclnamespace = 'iu_core'::regnamespace
  ) AS o(class, identity, definition, facts)
  WHERE p_classes IS NULL OR o.class = ANY (p_classes);
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_catalogue(text[]) IS 'Every object of the schema as it stands, or of the classes named: class, identity, the statements that make it, and the facts that no PostgreSQL version spells otherwise (owner, rights, columns, settings)';
REVOKE ALL ON FUNCTION iu_core.fn_dot_catalogue(text[]) FROM PUBLIC;
