-- unit: schema

-- The one reader of the live catalogue. Its search_path decides how PostgreSQL spells names, which is
-- why this is a function and not a view; the other settings pin how it spells what it says, whatever the
-- session has set. Gate values, a route's switches and trigger state are not part of a definition: commands
-- change them, and fn_dot_state() reads them. What stands here beside what every object has is spelled only
-- where it is not as CREATE makes it. A class that is not asked for costs nothing: one plan serves whatever is
-- asked, and leaves out what is not. What guards the schema from outside, class principal, is no object of it, and is
-- read where it is asked for by name.
CREATE OR REPLACE FUNCTION iu_core.fn_dot_catalogue(p_classes text[] DEFAULT NULL)
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
         concat_ws(chr(10), pg_get_triggerdef(t.oid) || ';', format('COMMENT ON TRIGGER %I ON %s IS %L;', t.tgname, t.tgrelid::regclass, d.description)),
         'executes ' || t.tgfoid::regprocedure
  FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
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

-- requires: iu_core
CREATE OR REPLACE FUNCTION iu_core.fn_dot_checks(p_expected jsonb, p_drift jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH drift AS MATERIALIZED (
    SELECT d ->> 'class' AS class, d ->> 'state' AS state FROM jsonb_array_elements(p_drift) AS d
  ), counted AS (
    SELECT k.check_code, k.class, i.n AS expected,
           (count(d.state) FILTER (WHERE d.state = 'missing'))::integer AS missing, (count(d.state) FILTER (WHERE d.state = 'unexpected'))::integer AS unexpected,
           (count(d.state) FILTER (WHERE d.state = 'changed'))::integer AS changed, (count(d.state) FILTER (WHERE d.state = 'unknown'))::integer AS unknown
    FROM (VALUES ('D1', 'table'), ('D2', 'view'), ('D3', 'function'), ('D4', 'trigger'), ('D5', 'config'), ('D6', 'event_type'), ('D7', 'route'), ('D8', 'drift'), ('D10', 'principal')) AS k(check_code, class)
    CROSS JOIN LATERAL (SELECT coalesce(sum(value::integer), 0)::integer AS n FROM jsonb_each_text(p_expected) WHERE key = k.class OR k.class = 'drift') AS i
    LEFT JOIN drift AS d ON d.class = k.class OR k.class = 'drift'
    GROUP BY k.check_code, k.class, i.n
  ), checked AS (
    SELECT check_code, class, expected, CASE WHEN p_drift IS NULL THEN 0 ELSE expected - missing - unknown END AS present, missing, unexpected, changed,
           CASE WHEN p_drift IS NULL THEN greatest(expected, 1) ELSE unknown END AS unknown,
           p_drift IS NOT NULL AND missing + unexpected + changed + unknown = 0 AND expected > 0 AS ok
    FROM counted
  )
  SELECT jsonb_agg(to_jsonb(c) ORDER BY length(c.check_code), c.check_code)
  FROM (
    SELECT * FROM checked
    UNION ALL
    SELECT 'D9', 'class', count(*)::integer, (count(*) FILTER (WHERE ok))::integer, 0, 0, (count(*) FILTER (WHERE NOT ok AND unknown = 0))::integer, (count(*) FILTER (WHERE unknown > 0))::integer, bool_and(ok) FROM checked WHERE class NOT IN ('drift', 'principal')
  ) AS c
$$;
COMMENT ON FUNCTION iu_core.fn_dot_checks(jsonb, jsonb) IS 'The checks D1 to D10 of a comparison: of {"class": how many are expected} and what has drifted (null: nothing can be said, and all is unknown)';
REVOKE ALL ON FUNCTION iu_core.fn_dot_checks(jsonb, jsonb) FROM PUBLIC;

-- requires: iu_core
-- Written by `iu db draft` from server/deploy/principals.ts, which is also what bootstrap works from; edit that.
CREATE FUNCTION iu_core.fn_dot_closed_functions()
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT '^(pg_(try_)?advisory_|pg_logical_emit_message$|lo_|loread$|lowrite$)' $$;
COMMENT ON FUNCTION iu_core.fn_dot_closed_functions() IS 'The names, as a regular expression, of the functions of PostgreSQL that bootstrap takes from PUBLIC: locks, large objects, messages into the log';
REVOKE ALL ON FUNCTION iu_core.fn_dot_closed_functions() FROM PUBLIC;

-- requires: iu_core
-- Written by `iu db draft` from server/deploy/principals.ts, which is also what bootstrap works from; edit that.
CREATE FUNCTION iu_core.fn_dot_principals_expected()
RETURNS TABLE (identity text, definition text)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  VALUES
    ('role iu_owner', 'ALTER ROLE iu_owner NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT NOLOGIN;'),
    ('role iu_reader', 'ALTER ROLE iu_reader NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT NOLOGIN;'),
    ('role iu_console', 'ALTER ROLE iu_console NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT LOGIN;'),
    ('role iu_emitter', 'ALTER ROLE iu_emitter NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT NOLOGIN;'),
    ('role iu_worker', 'ALTER ROLE iu_worker NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT NOLOGIN;'),
    ('role iu_operator', 'ALTER ROLE iu_operator NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT NOLOGIN;'),
    ('role iu_approver', 'ALTER ROLE iu_approver NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT NOLOGIN;'),
    ('member iu_console of iu_reader', 'GRANT iu_reader TO iu_console;'),
    ('member iu_operator of iu_reader', 'GRANT iu_reader TO iu_operator;'),
    ('member iu_approver of iu_reader', 'GRANT iu_reader TO iu_approver;'),
    ('member iu_owner of iu_reader', 'GRANT iu_reader TO iu_owner;'),
    ('member iu_owner of pg_read_all_stats', 'GRANT pg_read_all_stats TO iu_owner;'),
    ('rights of iu_owner on the database', 'GRANT CONNECT ON DATABASE current_database TO iu_owner;
GRANT CREATE ON DATABASE current_database TO iu_owner;'),
    ('rights of iu_reader on the database', 'GRANT CONNECT ON DATABASE current_database TO iu_reader;'),
    ('rights of iu_console on the database', 'GRANT CONNECT ON DATABASE current_database TO iu_console;'),
    ('rights of iu_emitter on the database', 'GRANT CONNECT ON DATABASE current_database TO iu_emitter;'),
    ('rights of iu_worker on the database', 'GRANT CONNECT ON DATABASE current_database TO iu_worker;')
$$;
COMMENT ON FUNCTION iu_core.fn_dot_principals_expected() IS 'What bootstrap makes beside the schema: the roles, which is a member of which, and the rights on the database; as fn_dot_principals() spells what there is';
REVOKE ALL ON FUNCTION iu_core.fn_dot_principals_expected() FROM PUBLIC;

-- requires: dot_inventory, fn_dot_closed_functions, fn_dot_principals_expected, iu_core
-- The one reader of what guards the schema from outside: roles, memberships, settings, the database, and whatever of
-- other schemas reaches ours. What is as PostgreSQL makes it has no row. The database's own name stands in no
-- definition, so that a copy under another name is the same.
CREATE FUNCTION iu_core.fn_dot_principals()
RETURNS TABLE (identity text, definition text, undo text, refuses boolean)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, iu_core, pg_temp
SET quote_all_identifiers = off
SET standard_conforming_strings = on
SET bytea_output = hex
SET DateStyle = 'ISO, YMD'
SET IntervalStyle = postgres
SET TimeZone = 'UTC'
SET extra_float_digits = 1
AS $$
DECLARE
  v_schema constant oid := 'iu_core'::regnamespace;
  v_database constant oid := (SELECT oid FROM pg_database WHERE datname = current_database());
  v_owner constant oid := to_regrole('iu_owner');
  v_ours constant oid[] := ARRAY(SELECT to_regrole(substr(e.identity, 6))::oid FROM fn_dot_principals_expected() AS e WHERE e.identity LIKE 'role %' AND to_regrole(substr(e.identity, 6)) IS NOT NULL);
  -- Roles of PostgreSQL whose members read or write every table, or everything on the server.
  v_mighty constant oid[] := ARRAY(SELECT oid FROM pg_roles WHERE rolname IN ('pg_read_all_data', 'pg_write_all_data', 'pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program'));
  -- Whoever is a member of one of ours, by whatever way.
  v_members oid[];
BEGIN
  RETURN QUERY
  SELECT format('role %I', rolname), format('ALTER ROLE %I %s;', rolname, concat_ws(' ', CASE WHEN rolsuper THEN 'SUPERUSER' ELSE 'NOSUPERUSER' END,
           CASE WHEN rolcreatedb THEN 'CREATEDB' ELSE 'NOCREATEDB' END, CASE WHEN rolcreaterole THEN 'CREATEROLE' ELSE 'NOCREATEROLE' END, CASE WHEN rolreplication THEN 'REPLICATION' ELSE 'NOREPLICATION' END,
           CASE WHEN rolbypassrls THEN 'BYPASSRLS' ELSE 'NOBYPASSRLS' END, CASE WHEN rolinherit THEN 'INHERIT' ELSE 'NOINHERIT' END, CASE WHEN rolcanlogin THEN 'LOGIN' ELSE 'NOLOGIN' END)), NULL::text, true
  FROM pg_roles WHERE oid = ANY (v_ours);

  -- A membership is a row for who is a member and of what; in the versions that keep several, by who granted them, of all of them.
  -- From a role of ours, or one of the mighty, down to whoever is a member, by others or not; and from one of ours up to what it is a member of.
  RETURN QUERY
  WITH RECURSIVE edges AS MATERIALIZED (
    SELECT m.roleid, m.member, format('GRANT %s TO %s%s;', m.roleid::regrole, m.member::regrole, coalesce(' WITH ' || nullif(concat_ws(', ', CASE WHEN m.admin_option THEN 'ADMIN OPTION' END,
             CASE WHEN NOT (j ->> 'inherit_option')::boolean THEN 'INHERIT FALSE' END, CASE WHEN NOT (j ->> 'set_option')::boolean THEN 'SET FALSE' END), ''), '')) AS line,
           format('REVOKE %s FROM %s%s CASCADE;', m.roleid::regrole, m.member::regrole, ' GRANTED BY ' || (SELECT oid::regrole FROM pg_roles WHERE oid = m.grantor)) AS undo
    FROM pg_auth_members AS m CROSS JOIN LATERAL to_jsonb(m) AS j
  ), down(target, roleid, member) AS (
    SELECT e.roleid, e.roleid, e.member FROM edges AS e WHERE e.roleid = ANY (v_ours || v_mighty) AND NOT e.member = ANY (v_ours)
    UNION
    SELECT d.target, e.roleid, e.member FROM down AS d JOIN edges AS e ON e.roleid = d.member WHERE NOT e.member = ANY (v_ours)
  ), up(target, roleid, reached) AS (
    SELECT e.member, e.roleid, e.roleid FROM edges AS e WHERE e.member = ANY (v_ours)
    UNION
    SELECT u.target, u.roleid, e.roleid FROM up AS u JOIN edges AS e ON e.member = u.reached WHERE NOT u.reached = ANY (v_ours)
  )
  SELECT format('member %s of %s', d.member::regrole, d.target::regrole), string_agg(DISTINCT e.line, chr(10) ORDER BY e.line),
         -- By a role that is no member itself in good order it is told once what is wrong.
         string_agg(DISTINCT CASE WHEN d.roleid = d.target OR EXISTS (SELECT FROM dot_inventory AS i WHERE i.class = 'principal' AND i.identity = format('member %s of %s', d.roleid::regrole, d.target::regrole))
                             THEN e.undo ELSE format('-- it comes right with member %s of %s', d.roleid::regrole, d.target::regrole) END, chr(10)),
         d.target::regrole::text NOT IN ('iu_reader', 'iu_emitter', 'iu_worker')
  FROM down AS d JOIN edges AS e ON (e.roleid, e.member) = (d.roleid, d.member)
  -- Who may do everything is made no mightier by these.
  WHERE NOT (d.target = ANY (v_mighty) AND (SELECT rolsuper OR oid < 16384 FROM pg_roles WHERE oid = d.member))
  GROUP BY d.target, d.member
  UNION ALL
  SELECT format('member %s of %s', u.target::regrole, u.roleid::regrole),
         concat_ws(chr(10), (SELECT string_agg(DISTINCT e.line, chr(10) ORDER BY e.line) FROM edges AS e WHERE (e.roleid, e.member) = (u.roleid, u.target)), '-- and by that of ' || u.others),
         (SELECT string_agg(DISTINCT e.undo, chr(10)) FROM edges AS e WHERE (e.roleid, e.member) = (u.roleid, u.target)), u.roleid IS DISTINCT FROM to_regrole('iu_reader')
  FROM (SELECT target, roleid, string_agg(reached::regrole::text, ', ' ORDER BY reached::regrole::text COLLATE "C") FILTER (WHERE reached <> roleid) AS others FROM up GROUP BY target, roleid) AS u;

  v_members := ARRAY(
    WITH RECURSIVE down(member) AS (
      SELECT m.member FROM pg_auth_members AS m WHERE m.roleid = ANY (v_ours)
      UNION SELECT m.member FROM down AS d JOIN pg_auth_members AS m ON m.roleid = d.member)
    SELECT member FROM down WHERE NOT member = ANY (v_ours));

  RETURN QUERY
  SELECT format('role %I', rolname), format('ALTER ROLE %I %s;', rolname, a.said), format('ALTER ROLE %I %s;', rolname, regexp_replace(a.said, '(\w+)', 'NO\1', 'g')), true
  FROM pg_roles CROSS JOIN LATERAL (SELECT concat_ws(' ', CASE WHEN rolsuper THEN 'SUPERUSER' END, CASE WHEN rolcreaterole THEN 'CREATEROLE' END, CASE WHEN rolreplication THEN 'REPLICATION' END, CASE WHEN rolbypassrls THEN 'BYPASSRLS' END) AS said) AS a
  WHERE oid = ANY (v_members) AND a.said <> '';

  RETURN QUERY
  SELECT format('setting %s of %s', split_part(s.line, '=', 1), n.whose), format('%s SET %s = %s;', n.what, split_part(s.line, '=', 1), CASE WHEN split_part(s.line, '=', 1) IN ('search_path', 'local_preload_libraries', 'session_preload_libraries', 'temp_tablespaces') THEN coalesce(nullif(v.value, ''), '''''') ELSE quote_literal(v.value) END),
         format('%s RESET %s;', n.what, split_part(s.line, '=', 1)), true
  FROM pg_db_role_setting AS d CROSS JOIN LATERAL unnest(d.setconfig) AS s(line)
  CROSS JOIN LATERAL (SELECT substr(s.line, strpos(s.line, '=') + 1) AS value) AS v
  CROSS JOIN LATERAL (
    SELECT CASE WHEN d.setrole = 0 AND d.setdatabase = 0 THEN 'all roles' WHEN d.setrole = 0 THEN 'the database' ELSE format('role %s%s', d.setrole::regrole, CASE WHEN d.setdatabase <> 0 THEN ' in the database' END) END AS whose,
           CASE WHEN d.setrole = 0 AND d.setdatabase = 0 THEN 'ALTER ROLE ALL' WHEN d.setrole = 0 THEN 'ALTER DATABASE current_database'
                ELSE format('ALTER ROLE %s%s', d.setrole::regrole, CASE WHEN d.setdatabase <> 0 THEN ' IN DATABASE current_database' END) END AS what
  ) AS n
  WHERE d.setdatabase IN (0, v_database) AND (d.setrole = 0 OR d.setrole = ANY (v_ours || v_members));

  -- As they are in force for everybody, whatever a session, a role or this database has set.
  RETURN QUERY
  SELECT format('setting %s of the server', s.name), format('%s = %s', s.name, s.reset_val),
         CASE WHEN s.source = 'command line' THEN format('-- it stands on the server''s command line: take it out there, and start the server anew') ELSE format(E'ALTER SYSTEM SET %s = ''%s'';\nSELECT pg_reload_conf();', s.name, w.value) END, true
  FROM (VALUES ('fsync', 'on'), ('full_page_writes', 'on'), ('synchronous_commit', 'on'), ('session_replication_role', 'origin'), ('zero_damaged_pages', 'off'), ('ignore_checksum_failure', 'off'), ('allow_system_table_mods', 'off'), ('event_triggers', 'on')) AS w(name, value)
  JOIN pg_settings AS s ON s.name = w.name
  WHERE s.reset_val <> w.value AND NOT (s.name = 'synchronous_commit' AND s.reset_val IN ('local', 'remote_write', 'remote_apply'))
    AND s.source NOT IN ('client', 'database', 'user', 'database user')
    AND NOT EXISTS (SELECT FROM pg_db_role_setting AS d CROSS JOIN LATERAL unnest(d.setconfig) AS l WHERE starts_with(l, s.name || '=') AND d.setdatabase IN (0, v_database) AND d.setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = session_user)));
  -- What was set and is not in force yet: for the owner to see only where an administrator lets it.
  IF has_function_privilege('pg_show_all_file_settings()', 'EXECUTE') THEN
    RETURN QUERY
    SELECT format('setting %s of the server, not in force yet', f.name), format('%s = %s', f.name, f.setting), format('ALTER SYSTEM RESET %s;', f.name), true
    FROM pg_show_all_file_settings() AS f
    WHERE f.name IN ('fsync', 'full_page_writes', 'synchronous_commit', 'session_replication_role', 'zero_damaged_pages', 'ignore_checksum_failure') AND f.sourcefile LIKE '%postgresql.auto.conf'
      AND f.setting IS DISTINCT FROM (SELECT s.reset_val FROM pg_settings AS s WHERE s.name = f.name) AND f.setting IN ('off', 'false', 'no', '0', 'replica', 'local');
  END IF;

  RETURN QUERY
  SELECT 'owner of the database', format('ALTER DATABASE current_database OWNER TO %s;', datdba::regrole), NULL::text, true FROM pg_database WHERE oid = v_database;

  RETURN QUERY
  SELECT format('rights of %s on the database', n.name), string_agg(DISTINCT format('GRANT %s ON DATABASE current_database TO %s%s;', a.privilege_type, n.name, CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' END), chr(10)),
         format('REVOKE ALL ON DATABASE current_database FROM %s CASCADE;', n.name), true
  FROM pg_database AS d CROSS JOIN LATERAL aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS a
  CROSS JOIN LATERAL (SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS name) AS n
  WHERE d.oid = v_database AND a.grantee <> d.datdba
  GROUP BY n.name
  UNION ALL
  SELECT format('rights of PUBLIC on function %s', p.oid::regprocedure), format('GRANT EXECUTE ON FUNCTION %s TO PUBLIC;', p.oid::regprocedure), format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC;', p.oid::regprocedure), false
  FROM pg_proc AS p WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname ~ fn_dot_closed_functions() AND has_function_privilege('public', p.oid, 'EXECUTE')
  UNION ALL
  SELECT 'rights of PUBLIC on schema public', 'GRANT CREATE ON SCHEMA public TO PUBLIC;', 'REVOKE CREATE ON SCHEMA public FROM PUBLIC;', true WHERE has_schema_privilege('public', to_regnamespace('public'), 'CREATE');

  RETURN QUERY
  SELECT format('rights of %s on parameter %s', n.name, p.parname), string_agg(DISTINCT format('GRANT %s ON PARAMETER %I TO %s%s;', a.privilege_type, p.parname, n.name, CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' END), chr(10)),
         format('REVOKE ALL ON PARAMETER %I FROM %s CASCADE;', p.parname, n.name), true
  FROM pg_parameter_acl AS p CROSS JOIN LATERAL aclexplode(p.paracl) AS a
  CROSS JOIN LATERAL (SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS name) AS n
  WHERE a.grantee = 0 OR a.grantee = ANY (v_ours || v_members) AND NOT (SELECT rolsuper FROM pg_roles WHERE oid = a.grantee)
  GROUP BY n.name, p.parname;

  -- Of what the owner makes anywhere. In our schema they are class other, whoever's they are.
  RETURN QUERY
  SELECT format('default privileges of %s on %s', d.defaclrole::regrole, k.kind), d.defaclacl::text,
         (SELECT string_agg(format('ALTER DEFAULT PRIVILEGES FOR ROLE %s %s %s ON %s %s %s;', d.defaclrole::regrole, CASE WHEN is_more THEN 'REVOKE' ELSE 'GRANT' END, privilege_type, k.kind, CASE WHEN is_more THEN 'FROM' ELSE 'TO' END,
                   CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END), chr(10))
          FROM (SELECT true AS is_more, * FROM (SELECT grantee, privilege_type FROM aclexplode(d.defaclacl) EXCEPT SELECT grantee, privilege_type FROM aclexplode(acldefault(k.letter, d.defaclrole))) AS m
                UNION ALL SELECT false, * FROM (SELECT grantee, privilege_type FROM aclexplode(acldefault(k.letter, d.defaclrole)) EXCEPT SELECT grantee, privilege_type FROM aclexplode(d.defaclacl)) AS l) AS c), true
  FROM pg_default_acl AS d
  JOIN (VALUES ('r', 'TABLES', 'r'::"char"), ('S', 'SEQUENCES', 's'), ('f', 'FUNCTIONS', 'f'), ('T', 'TYPES', 'T'), ('n', 'SCHEMAS', 'n')) AS k(type, kind, letter) ON k.type = d.defaclobjtype::text
  WHERE d.defaclnamespace = 0 AND d.defaclrole = v_owner;

  RETURN QUERY
  SELECT format('event trigger %I', evtname), concat_ws(chr(10), format('CREATE EVENT TRIGGER %I ON %s%s EXECUTE FUNCTION %s;', evtname, evtevent, ' WHEN TAG IN (' || array_to_string(evttags, ', ') || ')', evtfoid::regprocedure),
         CASE WHEN evtenabled <> 'O' THEN format('-- enabled: %s', evtenabled) END), format('DROP EVENT TRIGGER IF EXISTS %I;', evtname), true
  FROM pg_event_trigger
  UNION ALL
  SELECT format('publication %I', p.pubname), concat_ws(chr(10), format('CREATE PUBLICATION %I%s; -- %s', p.pubname, CASE WHEN p.puballtables THEN ' FOR ALL TABLES' END, p.pubowner::regrole), CASE WHEN s.is_whole THEN format('ALTER PUBLICATION %I ADD TABLES IN SCHEMA iu_core;', p.pubname) END,
           (SELECT string_agg(format('ALTER PUBLICATION %I ADD TABLE %s;', p.pubname, r.prrelid::regclass), chr(10) ORDER BY r.prrelid::regclass::text COLLATE "C") FROM pg_publication_rel AS r WHERE r.prrelid = ANY (t.tables) AND r.prpubid = p.oid)),
         CASE WHEN p.puballtables THEN format('DROP PUBLICATION %I;', p.pubname)
              ELSE concat_ws(chr(10), CASE WHEN s.is_whole THEN format('ALTER PUBLICATION %I DROP TABLES IN SCHEMA iu_core;', p.pubname) END, 'ALTER PUBLICATION ' || quote_ident(p.pubname) || ' DROP TABLE ' || (SELECT string_agg('iu_core.' || quote_ident(c.relname), ', ') FROM pg_class AS c WHERE c.oid = ANY (t.tables)) || ';') END, false
  FROM pg_publication AS p
  CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM pg_publication_namespace AS n WHERE n.pnpubid = p.oid AND n.pnnspid = v_schema) AS is_whole) AS s
  CROSS JOIN LATERAL (SELECT ARRAY(SELECT r.prrelid FROM pg_publication_rel AS r JOIN pg_class AS c ON c.oid = r.prrelid WHERE r.prpubid = p.oid AND c.relnamespace = v_schema) AS tables) AS t
  WHERE p.puballtables OR s.is_whole OR cardinality(t.tables) > 0
  UNION ALL
  SELECT format('subscription %I', subname), format('CREATE SUBSCRIPTION %I PUBLICATION %s; -- %s', subname, array_to_string(subpublications, ', '), subowner::regrole),
         format(E'ALTER SUBSCRIPTION %1$I DISABLE;\nALTER SUBSCRIPTION %1$I SET (slot_name = NONE);\nDROP SUBSCRIPTION %1$I;', subname), true
  FROM pg_subscription WHERE subdbid = v_database
  UNION ALL
  SELECT format('replication slot %I', slot_name), format('-- logical, by %s', plugin), format('SELECT pg_drop_replication_slot(%L);', slot_name), false
  FROM pg_replication_slots WHERE database = current_database() AND NOT temporary
  UNION ALL
  SELECT format('child %s of %s', h.inhrelid::regclass, h.inhparent::regclass), format('ALTER TABLE %s INHERIT %s;', h.inhrelid::regclass, h.inhparent::regclass), format('ALTER TABLE %s NO INHERIT %s;', h.inhrelid::regclass, h.inhparent::regclass), true
  FROM pg_inherits AS h JOIN pg_class AS c ON c.oid = h.inhparent JOIN pg_class AS l ON l.oid = h.inhrelid WHERE c.relnamespace = v_schema AND c.relkind IN ('r', 'f') AND l.relnamespace <> v_schema
  UNION ALL
  SELECT format('foreign table %s', f.ftrelid::regclass), format('CREATE FOREIGN TABLE %s SERVER %I OPTIONS (%s);', f.ftrelid::regclass, s.srvname, array_to_string(f.ftoptions, ', ')), format('DROP FOREIGN TABLE IF EXISTS %s CASCADE;', f.ftrelid::regclass), true
  FROM pg_foreign_table AS f JOIN pg_foreign_server AS s ON s.oid = f.ftserver JOIN pg_class AS c ON c.oid = f.ftrelid WHERE c.relnamespace <> v_schema AND f.ftoptions::text ~ 'iu_core';

  -- Whatever stands in another schema upon an object of ours, or upon what does: by PostgreSQL's own dependencies. And
  -- functions that run with their owner's rights and name the schema, which have none.
  RETURN QUERY
  WITH RECURSIVE mine(classid, objid) AS MATERIALIZED (
    SELECT 'pg_class'::regclass::oid, oid FROM pg_class WHERE relnamespace = v_schema
    UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc WHERE pronamespace = v_schema
    UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type WHERE typnamespace = v_schema
  ), upon(classid, objid, objsubid, place) AS (
    SELECT d.classid, d.objid, d.objsubid, n.place
    FROM mine AS m JOIN pg_depend AS d ON (d.refclassid, d.refobjid) = (m.classid, m.objid)
    CROSS JOIN LATERAL (SELECT CASE d.classid
      WHEN 'pg_class'::regclass THEN (SELECT relnamespace FROM pg_class WHERE oid = d.objid) WHEN 'pg_proc'::regclass THEN (SELECT pronamespace FROM pg_proc WHERE oid = d.objid)
      WHEN 'pg_type'::regclass THEN (SELECT typnamespace FROM pg_type WHERE oid = d.objid) WHEN 'pg_constraint'::regclass THEN (SELECT connamespace FROM pg_constraint WHERE oid = d.objid)
      WHEN 'pg_rewrite'::regclass THEN (SELECT c.relnamespace FROM pg_rewrite AS r JOIN pg_class AS c ON c.oid = r.ev_class WHERE r.oid = d.objid)
      WHEN 'pg_trigger'::regclass THEN (SELECT c.relnamespace FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid WHERE t.oid = d.objid)
      WHEN 'pg_policy'::regclass THEN (SELECT c.relnamespace FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid WHERE p.oid = d.objid)
      WHEN 'pg_attrdef'::regclass THEN (SELECT c.relnamespace FROM pg_attrdef AS a JOIN pg_class AS c ON c.oid = a.adrelid WHERE a.oid = d.objid)
      WHEN 'pg_operator'::regclass THEN (SELECT oprnamespace FROM pg_operator WHERE oid = d.objid) WHEN 'pg_statistic_ext'::regclass THEN v_schema ELSE 0 END AS place) AS n
    WHERE d.deptype <> 'i' AND n.place <> v_schema AND d.classid NOT IN ('pg_publication_rel'::regclass, 'pg_publication_namespace'::regclass, 'pg_event_trigger'::regclass, 'pg_extension'::regclass)
    UNION
    SELECT d.classid, d.objid, 0, c.relnamespace
    FROM upon AS u JOIN pg_rewrite AS r ON u.classid = 'pg_rewrite'::regclass AND r.oid = u.objid
    JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = r.ev_class AND d.classid = 'pg_rewrite'::regclass AND d.deptype = 'n'
    JOIN pg_rewrite AS w ON w.oid = d.objid JOIN pg_class AS c ON c.oid = w.ev_class WHERE c.relnamespace <> v_schema
  ), found AS (
    SELECT CASE classid WHEN 'pg_rewrite'::regclass THEN (SELECT CASE WHEN c.relkind IN ('v', 'm') THEN 'pg_class'::regclass::oid END FROM pg_rewrite AS r JOIN pg_class AS c ON c.oid = r.ev_class WHERE r.oid = u.objid) END AS as_class,
           CASE classid WHEN 'pg_rewrite'::regclass THEN (SELECT ev_class FROM pg_rewrite WHERE oid = u.objid) END AS as_oid, classid, objid, objsubid
    FROM upon AS u WHERE place NOT IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_(toast|temp)')
    UNION
    SELECT NULL, NULL, 'pg_proc'::regclass, oid, 0 FROM pg_proc
    WHERE prosecdef AND oid >= 16384 AND pronamespace <> v_schema AND pronamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_temp') AND (prosrc ~ 'iu_core' OR proconfig::text ~ 'iu_core')
  ), named AS (
    SELECT DISTINCT o.type, o.identity, coalesce(f.as_class, f.classid) AS classid, coalesce(CASE WHEN f.as_class IS NOT NULL THEN f.as_oid END, f.objid) AS objid, f.objsubid
    FROM found AS f CROSS JOIN LATERAL pg_identify_object(coalesce(f.as_class, f.classid), coalesce(CASE WHEN f.as_class IS NOT NULL THEN f.as_oid END, f.objid), f.objsubid) AS o
    -- A table that inherits has a row of its own.
    WHERE NOT (f.classid = 'pg_class'::regclass AND f.objsubid = 0 AND EXISTS (SELECT FROM pg_inherits AS h WHERE h.inhrelid = f.objid))
  )
  SELECT format('%s %s', n.type, n.identity),
         CASE n.classid
           WHEN 'pg_class'::regclass THEN (SELECT concat_ws(chr(10), CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) ELSE format('-- %s %s', n.type, n.identity) END, 'options ' || array_to_string(c.reloptions, ', '), 'owner ' || c.relowner::regrole, 'rights ' || array_to_string(c.relacl, ', ')) FROM pg_class AS c WHERE c.oid = n.objid)
           WHEN 'pg_proc'::regclass THEN (SELECT concat_ws(chr(10), CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) ELSE n.identity END, 'owner ' || p.proowner::regrole, 'rights ' || array_to_string(p.proacl, ', ')) FROM pg_proc AS p WHERE p.oid = n.objid)
           WHEN 'pg_constraint'::regclass THEN pg_get_constraintdef(n.objid) WHEN 'pg_trigger'::regclass THEN pg_get_triggerdef(n.objid) WHEN 'pg_rewrite'::regclass THEN pg_get_ruledef(n.objid)
           WHEN 'pg_policy'::regclass THEN (SELECT concat_ws(chr(10), pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid), polroles::regrole[]::text) FROM pg_policy WHERE oid = n.objid)
           WHEN 'pg_attrdef'::regclass THEN (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE oid = n.objid)
           ELSE format('-- %s %s', n.type, n.identity) END,
         CASE n.type
           WHEN 'table constraint' THEN (SELECT format('ALTER TABLE IF EXISTS %s DROP CONSTRAINT IF EXISTS %I;', conrelid::regclass, conname) FROM pg_constraint WHERE oid = n.objid)
           WHEN 'domain constraint' THEN (SELECT format('ALTER DOMAIN %s DROP CONSTRAINT IF EXISTS %I;', contypid::regtype, conname) FROM pg_constraint WHERE oid = n.objid)
           WHEN 'trigger' THEN (SELECT format('DROP TRIGGER IF EXISTS %I ON %s;', tgname, tgrelid::regclass) FROM pg_trigger WHERE oid = n.objid)
           WHEN 'rule' THEN (SELECT format('DROP RULE IF EXISTS %I ON %s;', rulename, ev_class::regclass) FROM pg_rewrite WHERE oid = n.objid)
           WHEN 'policy' THEN (SELECT format('DROP POLICY IF EXISTS %I ON %s;', polname, polrelid::regclass) FROM pg_policy WHERE oid = n.objid)
           WHEN 'default value' THEN (SELECT format('ALTER TABLE %s ALTER COLUMN %I DROP %s;', d.adrelid::regclass, a.attname, CASE WHEN a.attgenerated = '' THEN 'DEFAULT' ELSE 'EXPRESSION' END) FROM pg_attrdef AS d JOIN pg_attribute AS a ON (a.attrelid, a.attnum) = (d.adrelid, d.adnum) WHERE d.oid = n.objid)
           WHEN 'table column' THEN (SELECT format('ALTER TABLE %s ALTER COLUMN %I TYPE text USING %2$I::text;', a.attrelid::regclass, a.attname) FROM pg_attribute AS a WHERE (a.attrelid, a.attnum) = (n.objid, n.objsubid))
           WHEN 'sequence' THEN format('ALTER SEQUENCE %s OWNED BY NONE;', n.identity)
           WHEN 'type' THEN (SELECT format('DROP %s IF EXISTS %s CASCADE;', CASE typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, n.identity) FROM pg_type WHERE oid = n.objid)
           WHEN 'cast' THEN format('DROP CAST IF EXISTS %s;', n.identity)
           ELSE format('DROP %s IF EXISTS %s CASCADE;', upper(n.type), n.identity) END,
         -- Who could not do it by himself could not do it by this.
         coalesce(pg_has_role(CASE n.classid WHEN 'pg_class'::regclass THEN (SELECT relowner FROM pg_class WHERE oid = n.objid) WHEN 'pg_proc'::regclass THEN (SELECT proowner FROM pg_proc WHERE oid = n.objid) END, v_owner, 'MEMBER'), n.type IN ('table constraint', 'trigger'))
  FROM named AS n;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_principals() IS 'What guards the schema from outside it, as it stands: each with its definition, the statements that undo it (null: its definition as it should be does), and whether it refuses commands where it is not as it should be';
REVOKE ALL ON FUNCTION iu_core.fn_dot_principals() FROM PUBLIC;

-- requires: fn_dot_word, iu_core
-- Written for a person to read before it is run. A function, view, trigger or row is made again as a whole; of a
-- table, which holds rows, only the lines that differ are put right.
CREATE OR REPLACE FUNCTION iu_core.fn_dot_repair(p_class text, p_identity text, p_expected text, p_expected_facts text, p_live text, p_live_facts text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
AS $$
DECLARE
  v_data constant text := CASE p_class WHEN 'config' THEN 'dot_config' WHEN 'event_type' THEN 'iu_event_type' WHEN 'route' THEN 'iu_outbound_route' WHEN 'vocabulary' THEN 'iu_vocabulary' WHEN 'command' THEN 'dot_iu_command' END;
  v_drop constant text := CASE
    WHEN v_data IS NOT NULL THEN format('DELETE FROM %I WHERE %s = %L;', v_data, CASE p_class WHEN 'config' THEN 'key' WHEN 'route' THEN 'route_code' WHEN 'command' THEN 'command_code'
      WHEN 'vocabulary' THEN 'term_class || '' '' || term' ELSE 'event_type' END, p_identity)
    WHEN p_class = 'trigger' THEN format('DROP TRIGGER %I ON %s;', substring(p_identity FROM '^(.+) on '), substring(p_identity FROM '.* on (.+)$'))
    WHEN p_class = 'function' AND p_live ~* '^CREATE OR REPLACE PROCEDURE' THEN format('DROP PROCEDURE %s;', p_identity)
    WHEN p_class = 'other' AND p_identity LIKE 'default privileges%' THEN p_live_facts
    WHEN p_class = 'other' THEN format('DROP %s %s;', upper(p_live_facts), substr(p_identity, length(p_live_facts) + 2))
    WHEN p_class IN ('table', 'view') THEN format('DROP %s %I;', upper(p_class), p_identity)
    ELSE format('DROP %s %s;', upper(p_class), p_identity) END;
  -- Rights on the object that a new one would not have, with what others were granted by them. They go before what is
  -- granted again, which they may take along.
  v_grants constant text := (
    SELECT string_agg(CASE WHEN line LIKE 'GRANT %' THEN regexp_replace(line, '^GRANT (.* )TO ("(?:[^"]|"")+"|\S+?)(?: WITH GRANT OPTION)?;$', 'REVOKE \1FROM \2 CASCADE;')
                           ELSE regexp_replace(line, '^REVOKE (.*) FROM ("(?:[^"]|"")+"|\S+);$', 'GRANT \1 TO \2;') END, chr(10) ORDER BY n)
    FROM regexp_split_to_table(coalesce(p_live, ''), E'\n') WITH ORDINALITY AS l(line, n)
    WHERE line ~ '^(GRANT|REVOKE) .* ON .*;$' AND NOT line = ANY (string_to_array(coalesce(p_expected, ''), E'\n')));
  v_signature constant text := '^.*?\)\n RETURNS [^\n]*';
  v_old text[];
  v_new text[];
  v_line text;
  v_name text;
  v_was text;
  v_parts text[];
  v_kind text;
  v_start text;
  v_renamed record;
  v_first text[] := '{}';
  v_last text[] := '{}';
BEGIN
  IF p_class = 'principal' THEN
    -- Of a role what differs: who may not make it a superuser may not say either that it is none.
    RETURN concat_ws(E'\n', p_live_facts, CASE WHEN p_identity LIKE 'role %' AND p_live_facts IS NULL AND p_live IS NOT NULL THEN
      format('ALTER %s %s;', p_identity, (SELECT string_agg(w, ' ' ORDER BY n) FROM regexp_split_to_table(rtrim(p_expected, ';'), ' ') WITH ORDINALITY AS e(w, n) WHERE NOT w = ANY (regexp_split_to_array(rtrim(p_live, ';'), ' '))))
      WHEN p_live IS NULL THEN regexp_replace(p_expected, '^ALTER ROLE', 'CREATE ROLE') ELSE p_expected END);
  ELSIF p_expected IS NULL THEN
    RETURN v_drop;
  ELSIF p_live IS NULL THEN
    RETURN p_expected || CASE WHEN p_class = 'function' THEN E'\n' || format('REVOKE ALL ON FUNCTION %s FROM PUBLIC;', p_identity) ||
      coalesce(E'\n' || (SELECT string_agg(l, E'\n') FROM regexp_split_to_table(p_expected, E'\n') AS l WHERE l LIKE 'GRANT % ON FUNCTION % TO PUBLIC;'), '') ELSE '' END;
  ELSIF v_data IS NOT NULL THEN
    RETURN p_expected;
  ELSIF p_class = 'trigger' THEN
    RETURN v_drop || E'\n' || p_expected;
  ELSIF p_class = 'function' THEN
    RETURN concat_ws(E'\n', CASE WHEN substring(p_expected FROM v_signature) IS DISTINCT FROM substring(p_live FROM v_signature) THEN v_drop || E'\n' || p_expected || format(E'\nREVOKE ALL ON FUNCTION %s FROM PUBLIC;', p_identity)
                                 ELSE concat_ws(E'\n', v_grants, p_expected) END, CASE WHEN p_expected !~ E'\nCOMMENT ON ' THEN format('COMMENT ON FUNCTION %s IS NULL;', p_identity) END);
  ELSIF p_class = 'view' THEN
    v_new := regexp_split_to_array(regexp_replace(p_expected_facts, '^.*; ', ''), ', ');
    v_old := regexp_split_to_array(regexp_replace(p_live_facts, '^.*; ', ''), ', ');
    IF cardinality(v_old) = cardinality(v_new) THEN
      FOR v_column IN 1 .. cardinality(v_new) LOOP
        v_name := split_part(v_old[v_column], ' ', 1);
        v_was := split_part(v_new[v_column], ' ', 1);
        IF v_name <> v_was AND v_name || substr(v_new[v_column], length(v_was) + 1) = v_old[v_column] THEN
          v_first := v_first || format('ALTER VIEW %I RENAME COLUMN %I TO %I;', p_identity, v_name, v_was);
          v_old[v_column] := v_new[v_column];
        END IF;
      END LOOP;
    END IF;
    -- The same columns: what stands upon it need not go.
    RETURN CASE WHEN v_old = v_new AND p_live !~ E'\n(CREATE RULE|ALTER VIEW [^\n]* SET DEFAULT)'
      THEN concat_ws(E'\n', nullif(array_to_string(v_first, E'\n'), ''), CASE WHEN p_live ~ E'^CREATE VIEW [^\n]* WITH \\(' THEN format('ALTER VIEW %I RESET (security_barrier, security_invoker, check_option);', p_identity) END,
             v_grants, regexp_replace(p_expected, '^CREATE VIEW', 'CREATE OR REPLACE VIEW'))
      ELSE v_drop || E'\n' || p_expected END;
  ELSIF p_class = 'schema' THEN
    RETURN concat_ws(E'\n', regexp_replace(split_part(p_expected, E'\n', 1), '^CREATE SCHEMA (.*) AUTHORIZATION', 'ALTER SCHEMA \1 OWNER TO'), v_grants,
      (SELECT string_agg(line, E'\n' ORDER BY n) FROM regexp_split_to_table(p_expected, E'\n') WITH ORDINALITY AS l(line, n) WHERE n > 1), CASE WHEN p_expected !~ E'\nCOMMENT ON ' THEN format('COMMENT ON SCHEMA %s IS NULL;', p_identity) END);
  END IF;

  v_old := regexp_split_to_array(p_live, E',?\n');
  v_new := regexp_split_to_array(p_expected, E',?\n');
  -- What only has another name gets its name back: a column keeps its values, a key what refers to it. A column stands
  -- in its place; what names it is as it was when it has its name back.
  FOREACH v_kind IN ARRAY '{COLUMN,CONSTRAINT,INDEX}'::text[] LOOP
    v_start := CASE v_kind WHEN 'COLUMN' THEN '^(  )(?!CONSTRAINT )' WHEN 'CONSTRAINT' THEN '^(  CONSTRAINT )' ELSE '^(CREATE (?:UNIQUE )?INDEX )' END || '("(?:[^"]|"")+"|\S+) ';
    FOR v_renamed IN
      SELECT DISTINCT ON (o.n) (regexp_match(o.line, v_start))[2] AS old, (regexp_match(n.line, v_start))[2] AS new
      FROM unnest(v_old) WITH ORDINALITY AS o(line, n)
      JOIN unnest(v_new) WITH ORDINALITY AS n(line, n) ON regexp_replace(o.line, v_start, '\1') = regexp_replace(n.line, v_start, '\1') AND (v_kind <> 'COLUMN' OR o.n = n.n)
      WHERE o.line ~ v_start AND n.line ~ v_start AND NOT o.line = ANY (v_new) AND NOT n.line = ANY (v_old)
      ORDER BY o.n, n.n
    LOOP
      v_first := v_first || CASE v_kind WHEN 'INDEX' THEN format('ALTER INDEX %s RENAME TO %s;', v_renamed.old, v_renamed.new) ELSE format('ALTER TABLE %I RENAME %s %s TO %s;', p_identity, v_kind, v_renamed.old, v_renamed.new) END;
      v_old := (SELECT array_agg(CASE WHEN l = ANY (v_new) THEN l ELSE regexp_replace(l, fn_dot_word(v_renamed.old), v_renamed.new, 'g') END ORDER BY n) FROM unnest(v_old) WITH ORDINALITY AS e(l, n));
    END LOOP;
  END LOOP;
  FOREACH v_line IN ARRAY v_old LOOP
    CONTINUE WHEN v_line = ANY (v_new) OR v_line ~ '^(CREATE TABLE|\)|ALTER TABLE \S+ OWNER|COMMENT|GRANT|REVOKE|REINDEX|ALTER SEQUENCE)';
    v_name := substring(v_line FROM '^  (?:CONSTRAINT )?("(?:[^"]|"")+"|\S+) ');
    IF v_line LIKE '  CONSTRAINT % NOT NULL % NOT VALID' THEN
      v_last := v_last || format('ALTER TABLE %I VALIDATE CONSTRAINT %s;', p_identity, v_name);
    ELSIF v_line LIKE '  CONSTRAINT %' THEN
      v_first := v_first || format('ALTER TABLE %I DROP CONSTRAINT %s;', p_identity, v_name);
    ELSIF v_line LIKE '  %' THEN
      IF NOT EXISTS (SELECT FROM unnest(v_new) AS n WHERE starts_with(n, '  ' || v_name || ' ')) THEN
        v_last := v_last || format('ALTER TABLE %I DROP COLUMN %s;', p_identity, v_name);
      END IF;
    ELSIF v_line ~ '^CREATE (UNIQUE )?INDEX ' THEN
      v_first := v_first || format('DROP INDEX %s;', substring(v_line FROM 'INDEX (\S+) ON'));
    ELSIF v_line LIKE 'CREATE POLICY %' THEN
      v_first := v_first || format('DROP POLICY %s ON %I;', substring(v_line FROM 'POLICY (\S+) ON'), p_identity);
    ELSIF v_line LIKE 'CREATE RULE %' THEN
      v_first := v_first || format('DROP RULE %s ON %I;', substring(v_line FROM 'RULE (\S+) AS'), p_identity);
    ELSIF v_line LIKE '% ROW LEVEL SECURITY;' THEN
      v_first := v_first || replace(replace(v_line, ' ENABLE ', ' DISABLE '), ' FORCE ', ' NO FORCE ');
    ELSIF v_line LIKE '% SET UNLOGGED;' THEN
      v_first := v_first || replace(v_line, 'UNLOGGED', 'LOGGED');
    ELSIF v_line LIKE '% REPLICA IDENTITY %' THEN
      v_first := v_first || format('ALTER TABLE %I REPLICA IDENTITY DEFAULT;', p_identity);
    ELSIF v_line LIKE '% INHERIT %' THEN
      v_first := v_first || replace(v_line, ' INHERIT ', ' NO INHERIT ');
    ELSIF v_line LIKE '% ATTACH PARTITION %' THEN
      v_first := v_first || regexp_replace(v_line, ' ATTACH PARTITION (.*) (FOR VALUES .*|DEFAULT);$', ' DETACH PARTITION \1;');
    ELSIF v_line LIKE '% SET STATISTICS %' THEN
      v_first := v_first || regexp_replace(v_line, 'STATISTICS \S+;', 'STATISTICS -1;');
    ELSE
      v_first := v_first || format('-- not as deployed, by hand: %s', v_line);
    END IF;
  END LOOP;
  IF v_old[1] IS DISTINCT FROM v_new[1] OR substring(p_live FROM E'\n\\)[^\n]*') IS DISTINCT FROM substring(p_expected FROM E'\n\\)[^\n]*') THEN
    v_first := v_first || (SELECT array_agg(format('ALTER TABLE %I RESET (%s);', p_identity, split_part(btrim(o), '=', 1)))
                           FROM regexp_split_to_table(substring(p_live FROM E'\n\\) WITH \\(([^\n]*)\\);'), ',') AS o);
    v_last := v_last || (format('ALTER TABLE %I SET (', p_identity) || substring(p_expected FROM E'\n\\) WITH \\(([^\n]*)\\);') || ');');
  END IF;
  FOREACH v_line IN ARRAY v_new LOOP
    CONTINUE WHEN v_line = ANY (v_old) OR v_line ~ '^(CREATE TABLE|\))';
    v_name := substring(v_line FROM '^  ("(?:[^"]|"")+"|\S+) ');
    IF v_line LIKE '  CONSTRAINT %' THEN
      v_last := v_last || format('ALTER TABLE %I ADD %s;', p_identity, btrim(v_line));
    ELSIF v_line LIKE '  %' THEN
      v_was := (SELECT o FROM unnest(v_old) AS o WHERE starts_with(o, '  ' || v_name || ' '));
      IF v_was IS NULL THEN
        v_first := v_first || format('ALTER TABLE %I ADD COLUMN %s;', p_identity, btrim(v_line));
      ELSE
        -- type, default, NOT NULL
        v_parts := ARRAY[substr(v_line, length(v_name) + 4), NULL, substring(v_line FROM ' NOT NULL$')];
        v_parts[1] := regexp_replace(v_parts[1], ' NOT NULL$', '');
        IF v_parts[1] LIKE '% DEFAULT %' THEN
          v_parts := ARRAY[split_part(v_parts[1], ' DEFAULT ', 1), substr(v_parts[1], strpos(v_parts[1], ' DEFAULT ') + 9), v_parts[3]];
        END IF;
        v_first := v_first || ARRAY[
          CASE WHEN regexp_replace(v_was, '( DEFAULT .*| NOT NULL)$', '') <> regexp_replace(v_line, '( DEFAULT .*| NOT NULL)$', '')
            THEN format('ALTER TABLE %I ALTER COLUMN %s DROP DEFAULT, ALTER COLUMN %2$s TYPE %s USING %2$s::%s;', p_identity, v_name, v_parts[1], regexp_replace(v_parts[1], ' COLLATE .*$', '')) END,
          format('ALTER TABLE %I ALTER COLUMN %s %s;', p_identity, v_name, CASE WHEN v_parts[2] IS NULL THEN 'DROP DEFAULT' ELSE 'SET DEFAULT ' || v_parts[2] END),
          format('ALTER TABLE %I ALTER COLUMN %s %s NOT NULL;', p_identity, v_name, CASE WHEN v_parts[3] IS NULL THEN 'DROP' ELSE 'SET' END)];
      END IF;
    ELSE
      v_last := v_last || v_line;
    END IF;
  END LOOP;
  -- A column that is added comes last.
  IF (SELECT array_agg(name ORDER BY was, n) <> array_agg(name ORDER BY n) FROM (
        SELECT n.n, c.name, (SELECT min(o.n) FROM unnest(v_old) WITH ORDINALITY AS o(line, n) WHERE starts_with(o.line, '  ' || c.name || ' ')) AS was
        FROM unnest(v_new) WITH ORDINALITY AS n(line, n) CROSS JOIN LATERAL (SELECT substring(n.line FROM '^  ("(?:[^"]|"")+"|\S+) ') AS name) AS c
        WHERE n.line LIKE '  %' AND n.line NOT LIKE '  CONSTRAINT %') AS columns) THEN
    v_last := v_last || '-- then its columns stand in another order: make the table anew and copy its rows, or restore a backup'::text;
  END IF;
  RETURN concat_ws(E'\n', nullif(array_to_string(v_first, E'\n'), ''), v_grants, nullif(array_to_string(v_last, E'\n'), ''),
    CASE WHEN p_live ~ ' WITH GRANT OPTION;' THEN (SELECT string_agg(l, E'\n') FROM unnest(v_new) AS l WHERE l ~ '^GRANT ') END);
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_repair(text, text, text, text, text, text) IS 'The statements that make an object what it should be again, or take away one that should not be; with the search_path iu_core, pg_catalog';
REVOKE ALL ON FUNCTION iu_core.fn_dot_repair(text, text, text, text, text, text) FROM PUBLIC;

-- requires: fn_dot_word, iu_core
-- What is told only by looking at all that has drifted.
-- A missing object that is there under another name gets its name back, so that the rows of a table, and what stands
-- upon it, stay; what differs by that name alone comes right with it.
-- What stands upon another is dropped before it and made after it. That it does is told by the other's name in its
-- definition: of what is missing PostgreSQL knows nothing any more. A name that means something else costs no more than
-- another place in the list. Of a function counts what is looked up when it is made, which is not a body in quotes.
CREATE OR REPLACE FUNCTION iu_core.fn_dot_repairs(p_objects jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
AS $$
DECLARE
  v_class text;
  -- As they will be when the names are back.
  v_identity text[];
  v_live text[];
  v_statement text[];
  v_action text[];
  v_pair record;
  v_before integer[];
  v_after integer[];
  v_rank integer[] := array_fill(0, ARRAY[jsonb_array_length(p_objects)]);
  v_last integer[];
BEGIN
  SELECT array_agg(o ->> 'identity' ORDER BY n), array_agg(o ->> 'live' ORDER BY n), array_agg(o ->> 'statement' ORDER BY n), array_agg(o ->> 'suggested_action' ORDER BY n)
  INTO v_identity, v_live, v_statement, v_action
  FROM jsonb_array_elements(p_objects) WITH ORDINALITY AS e(o, n);

  FOREACH v_class IN ARRAY '{table,function,view,trigger}'::text[] LOOP
    FOR v_pair IN
      WITH named AS (
        SELECT n::integer, o ->> 'state' AS state, v_identity[n] AS identity, o ->> 'expected' AS expected, v_live[n] AS live,
               CASE v_class WHEN 'function' THEN substring(v_identity[n] FROM '^(.+?)\(') WHEN 'trigger' THEN quote_ident(substring(v_identity[n] FROM '^(.+) on ')) ELSE quote_ident(v_identity[n]) END AS name
        FROM jsonb_array_elements(p_objects) WITH ORDINALITY AS e(o, n) WHERE o ->> 'class' = v_class
      ), same AS (
        SELECT m.n AS missing, m.identity, m.name, u.n AS other, u.identity AS other_identity, u.name AS other_name, w.word, w.live = m.expected AS is_whole
        FROM named AS m JOIN named AS u ON m.state = 'missing' AND u.state = 'unexpected'
        CROSS JOIN LATERAL (SELECT word, regexp_replace(u.live, word, m.name, 'g') AS live
          FROM fn_dot_word(u.name) AS word) AS w
        -- A table has rows to be lost: most of its lines are enough.
        WHERE w.live = m.expected OR v_class = 'table' AND (
          SELECT 2 * count(*) FILTER (WHERE line = ANY (regexp_split_to_array(w.live, E',?\n'))) > count(*) FROM regexp_split_to_table(m.expected, E',?\n') AS line WHERE line LIKE '  %')
      )
      -- Two of which each could be the other are for a person to tell apart.
      SELECT * FROM same AS s WHERE NOT EXISTS (SELECT FROM same AS t WHERE (t.missing = s.missing) <> (t.other = s.other) AND t.is_whole >= s.is_whole)
    LOOP
      v_statement[v_pair.other] := format('-- its name is %s %s', v_class, v_pair.identity);
      v_action[v_pair.other] := format('Nothing: it gets its name back with %s %s.', v_class, v_pair.identity);
      IF v_pair.name = v_pair.other_name THEN
        v_statement[v_pair.missing] := '-- it is there, under what was renamed';
        v_action[v_pair.missing] := 'Nothing: it comes right when what was renamed has its name back.';
      ELSE
        v_statement[v_pair.missing] := CASE v_class
          WHEN 'trigger' THEN format('ALTER TRIGGER %s ON %s RENAME TO %s;', v_pair.other_name, substring(v_pair.identity FROM '.* on (.+)$'), v_pair.name)
          WHEN 'function' THEN format('ALTER FUNCTION %s RENAME TO %s;', v_pair.other_identity, v_pair.name)
          ELSE format('ALTER %s %s RENAME TO %s;', upper(v_class), v_pair.other_name, v_pair.name) END;
        v_action[v_pair.missing] := format('Give %s %s its name back with the statement.%s', v_class, v_pair.other_identity, CASE WHEN NOT v_pair.is_whole THEN ' It differs in more: then compare again.' END);
        IF v_class <> 'trigger' THEN
          v_identity := (SELECT array_agg(CASE WHEN o ->> 'class' IN ('function', 'trigger') THEN regexp_replace(v_identity[n], v_pair.word, v_pair.name, 'g') ELSE v_identity[n] END ORDER BY n) FROM jsonb_array_elements(p_objects) WITH ORDINALITY AS e(o, n));
          v_live := (SELECT array_agg(regexp_replace(l, v_pair.word, v_pair.name, 'g') ORDER BY n) FROM unnest(v_live) WITH ORDINALITY AS e(l, n));
        END IF;
      END IF;
    END LOOP;
  END LOOP;
  SELECT array_agg(CASE WHEN is_right THEN '-- it differs by what was renamed' ELSE v_statement[n] END ORDER BY n),
         array_agg(CASE WHEN is_right THEN 'Nothing: it comes right when what was renamed has its name back.' ELSE v_action[n] END ORDER BY n)
  INTO v_statement, v_action
  FROM (SELECT n, o ->> 'state' = 'changed' AND v_live[n] = o ->> 'expected' AS is_right FROM jsonb_array_elements(p_objects) WITH ORDINALITY AS e(o, n)) AS r;

  WITH objects AS MATERIALIZED (
    SELECT n::integer, o ->> 'state' AS state, i.name, fn_dot_word(i.name) AS word,
           split_part(o ->> 'expected', E'\nAS $', 1) AS expected, split_part(o ->> 'live', E'\nAS $', 1) AS live
    FROM jsonb_array_elements(p_objects) WITH ORDINALITY AS e(o, n)
    CROSS JOIN LATERAL (
      SELECT CASE WHEN o ->> 'class' IN ('table', 'view', 'event_type') THEN o ->> 'identity'
                  WHEN o ->> 'class' = 'function' THEN btrim(substring(o ->> 'identity' FROM '^(.+?)\('), '"')
                  WHEN o ->> 'class' = 'other' THEN substring(o ->> 'identity' FROM ' iu_core\.([^(]+)') END AS name
    ) AS i
  ), pairs AS (
    SELECT upon.n AS before, base.n AS after
    FROM objects AS base JOIN objects AS upon ON upon.n <> base.n AND strpos(upon.live, base.name) > 0 AND upon.live ~ base.word
    WHERE base.state = 'unexpected' OR base.state = 'changed' AND upon.state = 'unexpected'
    UNION ALL
    SELECT base.n, upon.n
    FROM objects AS base JOIN objects AS upon ON upon.n <> base.n AND strpos(upon.expected, base.name) > 0 AND upon.expected ~ base.word
    WHERE base.state IN ('missing', 'changed')
  )
  SELECT array_agg(before), array_agg(after) INTO v_before, v_after FROM pairs;
  -- As many steps as objects stand upon each other; two that name each other end it.
  FOR step IN 1 .. 30 LOOP
    v_last := v_rank;
    v_rank := (SELECT array_agg(greatest(r.rank, p.rank) ORDER BY r.n)
               FROM unnest(v_last) WITH ORDINALITY AS r(rank, n)
               LEFT JOIN (SELECT after, max(v_last[before]) + 1 AS rank FROM unnest(v_before, v_after) AS pair(before, after) GROUP BY after) AS p ON p.after = r.n);
    EXIT WHEN v_rank = v_last;
  END LOOP;
  RETURN (SELECT jsonb_agg(o || jsonb_build_object('suggested_action', v_action[n],
                   'statement', CASE WHEN v_statement[n] LIKE 'ALTER SYSTEM %' THEN v_statement[n]   -- which stands in no transaction
                     ELSE concat_ws(chr(10), 'SET search_path = iu_core, pg_catalog, pg_temp;', CASE o ->> 'class' WHEN 'function' THEN 'SET check_function_bodies = off;' END) || chr(10) || v_statement[n] END)
                 ORDER BY v_rank[n], array_position('{event trigger,role,principal,schema,table,function,view,trigger,vocabulary,config,event_type,route,command,other}', CASE WHEN o ->> 'class' = 'principal' THEN coalesce(substring(v_identity[n] FROM '^(?:event trigger|role)(?= )'), 'principal') ELSE o ->> 'class' END), o ->> 'identity')
          FROM jsonb_array_elements(p_objects) WITH ORDINALITY AS e(o, n));
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_repairs(jsonb) IS 'Objects that are not as deployed, {class, identity, state, expected, live, statement, suggested_action} each: what was only renamed is named back, and they stand in the order in which their statements can be run';
REVOKE ALL ON FUNCTION iu_core.fn_dot_repairs(jsonb) FROM PUBLIC;

-- requires: dot_inventory, fn_dot_catalogue, fn_dot_checks, fn_dot_principals, fn_dot_principals_expected, fn_dot_repair, fn_dot_repairs, fn_dot_state, fn_dot_state_expected, iu_core
-- Everything that is told of a comparison comes from one statement, so that counts, drift and digest agree.
-- The comparison is made under the deployers' lock, shared, in a subtransaction that is taken back: no deploy
-- begins while it lasts (PostgreSQL spells definitions as they are now, and finds objects as they were when the
-- statement began), nothing is left held, and where a deploy is under way it is said so without looking.
-- VOLATILE, so that it sees what was committed when it has the lock.
CREATE OR REPLACE FUNCTION iu_core.fn_dot_compare(p_classes text[] DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET lock_timeout = '500ms'
SET plan_cache_mode = force_generic_plan
SET quote_all_identifiers = off
SET standard_conforming_strings = on
SET bytea_output = hex
SET DateStyle = 'ISO, YMD'
SET IntervalStyle = postgres
SET TimeZone = 'UTC'
SET extra_float_digits = 1
SET plpgsql.extra_errors = 'none'
AS $$
#variable_conflict use_column
DECLARE
  v_major constant integer := current_setting('server_version_num')::integer / 10000;
  v_at constant timestamptz := clock_timestamp();
  -- What guards the schema is told by what bootstrap makes, and beside it by what was entered, which may also be gone.
  v_with_principals constant boolean := p_classes IS NULL OR 'principal' = ANY (p_classes);
  v_classes constant text[] := array_remove(p_classes, 'principal');
  v_principals integer;
  v_expected jsonb;
  v_found jsonb;
  v_digest text;
  v_locked boolean;
  v_checks jsonb;
  v_all jsonb;
  v_why text;
  v_what text;
BEGIN
  BEGIN
    -- Where a stranger may take locks, as on a managed server, one that holds this one is no deployer, and hides nothing.
    v_locked := pg_try_advisory_xact_lock_shared(hashtext('iu_core deploy')) OR NOT EXISTS (
      SELECT FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
      WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (l.classid::bigint << 32 | l.objid::bigint) = hashtext('iu_core deploy') AND l.mode = 'ExclusiveLock' AND pg_has_role(a.usesysid, 'iu_owner', 'MEMBER'));
    -- Told also where the comparison itself cannot be made.
    v_expected := (SELECT jsonb_object_agg(n.class, n.n) FROM (
      SELECT class, count(*) AS n FROM dot_inventory WHERE class <> 'principal' AND (v_classes IS NULL OR class = ANY (v_classes)) GROUP BY class
      UNION ALL SELECT 'principal', count(*) FROM fn_dot_principals_expected() WHERE v_with_principals) AS n);
    IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
      v_why := format('a comparison under %s sees an older schema than there is', upper(current_setting('transaction_isolation')));
      v_what := 'Read it under READ COMMITTED.';
    ELSIF NOT v_locked THEN
      v_why := 'a deploy is under way';
      v_what := 'Wait until it has ended.';
    ELSIF NOT EXISTS (SELECT FROM dot_inventory) THEN
      v_why := 'the inventory is empty';
      v_what := 'Run iu db deploy: it builds the units beside this database and registers what they make.';
    ELSIF EXISTS (SELECT FROM dot_inventory WHERE server_major <> v_major) THEN
      v_why := format('the inventory was spelled by PostgreSQL %s and this is %s', (SELECT string_agg(DISTINCT server_major::text, ', ') FROM dot_inventory WHERE server_major <> v_major), v_major);
      v_what := 'Run iu db deploy: it builds the units beside this database and registers what they make.';
    ELSE
      SELECT coalesce(jsonb_agg(jsonb_build_object('class', d.class, 'identity', d.identity, 'state', d.state, 'expected', d.expected, 'live', d.live, 'statement', d.statement, 'suggested_action', d.action) || CASE WHEN d.refuses IS NULL THEN '{}' ELSE jsonb_build_object('refuses', d.refuses) END) FILTER (WHERE d.state IS NOT NULL), '[]'),
             encode(sha256(convert_to(coalesce(string_agg(concat_ws(' ', d.class, d.identity, encode(d.digest, 'hex'), d.switched) || chr(10), '' ORDER BY d.class COLLATE "C", d.identity COLLATE "C") FILTER (WHERE d.digest IS NOT NULL AND d.class <> 'principal'), ''), 'UTF8')), 'hex'),
             (count(*) FILTER (WHERE d.class = 'principal' AND d.is_expected))::integer
      INTO v_found, v_digest, v_principals
      FROM (
        SELECT class, identity, j.state, c.digest, s.switched, i.class IS NOT NULL AND (i.is_required OR c.class IS NOT NULL) AS is_expected,
               CASE class WHEN 'principal' THEN coalesce(c.refuses, identity !~ ' of iu_reader$') END AS refuses,
               -- Beside a definition that is as it should be, its switches say what differs.
               concat_ws(chr(10), i.definition, w.said) AS expected, concat_ws(chr(10), c.definition, v.said) AS live,
               CASE WHEN j.state <> 'unknown' THEN concat_ws(chr(10),
                 CASE WHEN i.digest IS DISTINCT FROM c.digest THEN replace(fn_dot_repair(class, identity, i.definition, i.facts, c.definition, c.facts), 'DATABASE current_database', format('DATABASE %I', current_database())) END,
                 CASE WHEN i.digest IS NOT NULL AND (w.said IS NOT NULL OR c.digest IS NULL) THEN w.sql END) END AS statement,
               CASE j.state
                 WHEN 'unknown' THEN CASE WHEN i.digest = sha256(convert_to(i.definition, 'UTF8')) THEN 'Give its table back to its owner: it cannot be read.' ELSE 'Run iu db deploy: it builds the units beside this database and registers what they make.' END
                 WHEN 'missing' THEN CASE WHEN class = 'principal' THEN 'Make it again with the statement, as an administrator of the server.' ELSE 'Make it again with the statement, or roll back what dropped it.' END
                 WHEN 'unexpected' THEN CASE WHEN class = 'principal' THEN 'Undo it with the statement, as an administrator of the server.' WHEN class IN ('event_type', 'route') THEN 'Remove it with the statement, or register it by command.' ELSE 'Drop it with the statement, or write a unit that makes it.' END
                 ELSE CASE WHEN class = 'principal' THEN 'Put it back with the statement, as an administrator of the server.' WHEN i.digest = c.digest AND class = 'config' THEN 'Set the gate by command: close it, or open it with a reason.'
                           WHEN i.digest = c.digest AND class = 'route' THEN 'Switch the route by command, or with the statement.'
                           WHEN i.digest = c.digest THEN 'Put the switch back with the statement, or switch it by command.'
                           ELSE 'Put it back with the statement, or write a unit that makes it so.' END END AS action
        FROM (
          SELECT class, identity, definition, facts, digest, true AS is_required FROM dot_inventory WHERE class <> 'principal' AND (v_classes IS NULL OR class = ANY (v_classes))
          UNION ALL
          SELECT 'principal', identity, coalesce(n.definition, l.definition), NULL, coalesce(n.digest, sha256(convert_to(l.definition, 'UTF8'))), l.definition IS NOT NULL
          FROM fn_dot_principals_expected() AS l FULL JOIN (SELECT identity, definition, digest FROM dot_inventory WHERE class = 'principal') AS n USING (identity) WHERE v_with_principals
        ) AS i
        FULL JOIN (
          SELECT f.*, sha256(convert_to(f.definition, 'UTF8')) AS digest, NULL::boolean AS refuses FROM fn_dot_catalogue(v_classes) AS f
          UNION ALL
          SELECT 'principal', p.identity, p.definition, p.undo, sha256(convert_to(p.definition, 'UTF8')), p.refuses FROM fn_dot_principals() AS p WHERE v_with_principals
        ) AS c USING (class, identity)
        LEFT JOIN (SELECT x.class, x.identity, x.switched, x.run_id FROM fn_dot_state_expected() AS x) AS e USING (class, identity)
        LEFT JOIN (SELECT x.class, x.identity, x.switched FROM fn_dot_state() AS x) AS s USING (class, identity)
        CROSS JOIN LATERAL (
          SELECT CASE WHEN i.class IS NULL THEN 'unexpected' WHEN i.digest IS NULL OR i.digest <> sha256(convert_to(i.definition, 'UTF8')) THEN 'unknown'
                      -- Its table is there and belongs to somebody else.
                      WHEN c.class IS NULL AND NOT has_table_privilege(to_regclass(CASE class WHEN 'config' THEN 'dot_config' WHEN 'event_type' THEN 'iu_event_type' WHEN 'route' THEN 'iu_outbound_route'
                        WHEN 'vocabulary' THEN 'iu_vocabulary' WHEN 'command' THEN 'dot_iu_command' END), 'SELECT') THEN 'unknown'
                      WHEN c.class IS NULL AND NOT i.is_required THEN NULL
                      WHEN c.class IS NULL THEN 'missing' WHEN i.digest <> c.digest OR e.switched IS DISTINCT FROM s.switched THEN 'changed' END AS state
        ) AS j
        CROSS JOIN LATERAL (
          SELECT CASE WHEN e.switched IS DISTINCT FROM s.switched AND i.class IS NOT NULL AND c.class IS NOT NULL
                      THEN format('-- switched: %s, as %s', coalesce(e.switched::text, '{}'), coalesce(format('run %s left it', e.run_id), 'it was made')) END AS said,
                 CASE class
                   WHEN 'trigger' THEN format('ALTER TABLE %s %s TRIGGER %s;', split_part(identity, ' on ', 2), CASE e.switched ->> 'enabled' WHEN 'D' THEN 'DISABLE' WHEN 'A' THEN 'ENABLE ALWAYS' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE' END, split_part(identity, ' on ', 1))
                   WHEN 'config' THEN format('SELECT fn_iu_gate_set(%L, %L, ''as the ledger has it'', %L);', identity, e.switched ->> 'value', e.switched ->> 'expires_at')
                   WHEN 'route' THEN format('UPDATE iu_outbound_route SET enabled = %L, dry_run = %L WHERE route_code = %L;', e.switched ->> 'enabled', e.switched ->> 'dry_run', identity)
                   WHEN 'table' THEN format('ALTER TABLE %I ENABLE TRIGGER ALL;', identity) END AS sql
        ) AS w
        CROSS JOIN LATERAL (SELECT CASE WHEN w.said IS NOT NULL THEN format('-- switched: %s', coalesce(s.switched::text, '{}')) END AS said) AS v
      ) AS d;
      v_expected := CASE WHEN v_with_principals THEN v_expected || jsonb_build_object('principal', v_principals) ELSE v_expected END;
      IF v_found <> '[]' THEN
        v_found := fn_dot_repairs(v_found);
      END IF;
    END IF;
    RAISE EXCEPTION 'taken back' USING ERRCODE = 'XPLAN';
  EXCEPTION
    WHEN SQLSTATE 'XPLAN' THEN
      NULL;
    WHEN lock_not_available THEN
      v_why := CASE WHEN v_locked THEN 'another session is changing an object of the schema' ELSE 'a deploy is under way' END;
      v_what := 'Wait until it has ended.';
    WHEN OTHERS THEN
      v_why := format('the comparison failed: %s', SQLERRM);
      v_what := 'Read the catalogue with iu db dump, which says where it fails.';
  END;
  IF v_found IS NULL THEN
    v_digest := NULL;
    v_why := concat_ws(' ', upper(left(v_why, 1)) || substr(v_why, 2) || '.', v_what);
  END IF;
  v_checks := fn_dot_checks(coalesce(v_expected, '{}'), v_found);
  v_all := jsonb_path_query_first(v_checks, '$[*] ? (@.check_code == "D8")');
  RETURN (
    SELECT jsonb_build_object(
      'checked_at', v_at, 'digest', v_digest, 'expected', v_all -> 'expected', 'matching', n.present - n.changed, 'drift', n.missing + n.unexpected + n.changed, 'unknown', n.unknown,
      'state', CASE WHEN v_found IS NULL THEN 'unknown' WHEN n.missing + n.unexpected + n.changed > 0 THEN 'drift' WHEN n.unknown > 0 THEN 'unknown' ELSE 'matches' END,
      'summary', CASE WHEN v_found IS NULL THEN format('%s objects are expected, and were not compared', n.expected)
        ELSE concat_ws('; ', format('drift %s', n.missing + n.unexpected + n.changed) || coalesce(': ' || nullif(concat_ws(', ', nullif(n.changed, 0) || ' changed', nullif(n.missing, 0) || ' missing', nullif(n.unexpected, 0) || ' unexpected'), ''), ''),
          format('%s of %s expected objects are as deployed', n.present - n.changed, n.expected), CASE WHEN n.unknown > 0 THEN format('%s cannot be compared', n.unknown) END) END,
      'why', CASE WHEN v_found IS NULL THEN v_why WHEN n.unknown > 0 THEN format('%s of %s objects cannot be compared.', n.unknown, n.expected) END,
      'checks', v_checks, 'objects', coalesce(v_found, '[]'))
    FROM jsonb_to_record(v_all) AS n(expected integer, present integer, missing integer, unexpected integer, changed integer, unknown integer));
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_compare(text[]) IS 'The live schema and what guards it, or the classes named, against the inventory and what bootstrap makes, as one document: state (matches, drift, unknown), counts, the checks D1 to D10, a digest of the catalogue, and each object that is not as deployed. Waits for nobody longer than half a second';
REVOKE ALL ON FUNCTION iu_core.fn_dot_compare(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_dot_compare(text[]) TO iu_reader;

-- requires: dot_inventory, dot_iu_command, iu_core
-- Who uses what is told by the names that stand in the inventory's definitions, not in the live ones: what has
-- drifted cannot hide what it serves. What guards the schema serves every command, but for what says itself that it does not. What compares and registers names everything, and passes nothing on.
CREATE OR REPLACE FUNCTION iu_core.fn_dot_drift_served(p_drift jsonb)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
AS $$
  WITH RECURSIVE drifted AS MATERIALIZED (
    SELECT d.class, d.identity FROM jsonb_to_recordset(p_drift) AS d(class text, identity text, refuses boolean) WHERE d.class <> 'principal' OR d.refuses
  ), named AS MATERIALIZED (
    SELECT class, split_part(identity, '(', 1) AS name,
           -- Without its comments: they speak of others.
           regexp_replace(split_part(split_part(definition, E'\nALTER FUNCTION ', 1), E'\nCOMMENT ON ', 1), '--[^\n]*', '', 'g') AS said
    FROM dot_inventory WHERE class IN ('table', 'view', 'function', 'trigger')
      -- These serve whom they serve without being named, and change more often than the others together.
      AND EXISTS (SELECT FROM drifted WHERE class NOT IN ('config', 'command', 'schema', 'principal'))
  ), users AS MATERIALIZED (
    SELECT DISTINCT CASE n.class WHEN 'trigger' THEN split_part(n.name, ' on ', 2) ELSE n.name END AS name, w[1] AS used
    FROM named AS n CROSS JOIN LATERAL regexp_matches(n.said, '\w+', 'g') AS w
    WHERE n.name !~ '^(fn_dot_(catalogue|checks|compare|drift|fingerprints|inventory|repair|stamp|state)|v_dot_(comparison|conformance|drift))' AND EXISTS (SELECT FROM named AS k WHERE k.name = w[1])
  ), reached(name, class, identity) AS (
    SELECT CASE class WHEN 'function' THEN split_part(identity, '(', 1) WHEN 'trigger' THEN split_part(identity, ' on ', 2) ELSE identity END, class, identity
    FROM drifted WHERE class IN ('table', 'view', 'function', 'trigger')
    UNION
    -- An event type or a route is used by what names it.
    SELECT n.name, d.class, d.identity FROM drifted AS d JOIN named AS n ON n.class = 'function' AND strpos(n.said, quote_literal(d.identity)) > 0 WHERE d.class IN ('event_type', 'route')
    UNION
    SELECT u.name, r.class, r.identity FROM reached AS r JOIN users AS u ON u.used = r.name
  )
  SELECT coalesce(jsonb_object_agg(s.command_code, s.object), '{}')
  FROM (
    SELECT DISTINCT ON (c.command_code) c.command_code, o.object
    FROM dot_iu_command AS c
    CROSS JOIN LATERAL (
      SELECT r.class || ' ' || r.identity AS object FROM reached AS r WHERE r.name IN (c.command_code, 'fn_dot_command_run')
      UNION ALL SELECT d.class || ' ' || d.identity FROM drifted AS d WHERE d.class IN ('schema', 'principal') OR d.class = 'command' AND d.identity = c.command_code OR d.class = 'config' AND d.identity = ANY (c.gates)
    ) AS o
    ORDER BY c.command_code, o.object COLLATE "C"
  ) AS s
$$;
COMMENT ON FUNCTION iu_core.fn_dot_drift_served(jsonb) IS 'The commands that drifted objects ({class, identity} each) serve, by handler, dispatcher, triggers and gates, however indirectly: {"command": "class identity"}';
REVOKE ALL ON FUNCTION iu_core.fn_dot_drift_served(jsonb) FROM PUBLIC;

-- requires: dot_config, dot_inventory, dot_iu_command, iu_core, iu_event_type, iu_outbound_route
-- Which rows of the catalogue, the registries and the inventory there are, by the transactions that wrote them: a
-- stamp that was seen before means that nothing has been changed, by whatever statement. Sums, so that the order in
-- which rows are found does not count; what PostgreSQL itself brings has lower numbers. Some maintenance (REINDEX,
-- VACUUM FULL) changes it and means nothing, and so does what is made in other schemas: to leave that out would take
-- longer than to sum it up.
CREATE OR REPLACE FUNCTION iu_core.fn_dot_stamp()
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
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM dot_inventory AS i WHERE i.class <> ALL (v_registered || '{principal}'::text[])));
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
  part := 'guards';
  classes := '{principal}';
  -- Roles stand in a table that only an administrator may read; what shows of them is little.
  stamp := concat_ws(' ', pg_conf_load_time(), current_setting('fsync'), current_setting('full_page_writes'),
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
COMMENT ON FUNCTION iu_core.fn_dot_stamp() IS 'The three parts that are compared before a command is carried out, each with its classes and a stamp that any change to them changes: what only a deploy makes, what commands register and switch, and what guards them from outside; about a millisecond and a half';
REVOKE ALL ON FUNCTION iu_core.fn_dot_stamp() FROM PUBLIC;

-- requires: dot_inventory, fn_dot_principals, iu_core
-- Who deploys is no part of the list that bootstrap works from, and neither is who owns the database: whoever deploys
-- first enters both, and what bootstrap could not take from PUBLIC; nobody does so again by deploying. After a restore
-- they are others, and are entered anew.
CREATE FUNCTION iu_core.fn_dot_deployer_enter(p_anew boolean)
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_count bigint;
BEGIN
  IF NOT p_anew AND EXISTS (SELECT FROM dot_inventory WHERE class = 'principal' AND identity = 'owner of the database') THEN
    RETURN 0;
  END IF;
  DELETE FROM dot_inventory WHERE class = 'principal' AND starts_with(identity, 'rights of PUBLIC on ');
  WITH RECURSIVE him(role) AS (
    SELECT oid FROM pg_roles WHERE rolname = session_user
    UNION SELECT m.roleid FROM him AS h JOIN pg_auth_members AS m ON m.member = h.role
  ), names AS (
    SELECT role::regrole::text AS name, role::regrole::text = quote_ident(session_user) AS is_himself FROM him WHERE role::regrole::text NOT LIKE 'iu\_%' OR role::regrole::text = quote_ident(session_user)
  ), entered AS (
    INSERT INTO dot_inventory AS i (class, identity, definition, facts, digest, server_major)
    SELECT 'principal', p.identity, p.definition, coalesce(p.undo, ''), sha256(convert_to(p.definition, 'UTF8')), current_setting('server_version_num')::integer / 10000
    FROM fn_dot_principals() AS p
    WHERE p.identity = 'owner of the database' OR p.identity ~ '^rights of PUBLIC on (the database|function .*|schema public)$'
       OR EXISTS (SELECT FROM names AS n WHERE starts_with(p.identity, format('member %s of ', n.name))
                  OR n.is_himself AND (p.identity IN (format('role %s', n.name), format('rights of %s on the database', n.name)) OR p.identity ~ format('^setting \S+ of role %s( in the database)?$', regexp_replace(n.name, '(\W)', '\\\1', 'g'))))
    ON CONFLICT (class, identity) DO UPDATE
    SET definition = excluded.definition, facts = excluded.facts, digest = excluded.digest, server_major = excluded.server_major, registered_at = clock_timestamp(), registered_by = session_user
    WHERE (i.digest, i.server_major) IS DISTINCT FROM (excluded.digest, excluded.server_major)
    RETURNING 1
  )
  SELECT count(*) INTO v_count FROM entered;
  RETURN v_count;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_deployer_enter(boolean) IS 'Enters the login of this session as one that deploys, with its memberships and what it may, and the owner of the database, so that neither is drift; only where nobody has yet, or anew';
REVOKE ALL ON FUNCTION iu_core.fn_dot_deployer_enter(boolean) FROM PUBLIC;

-- requires: fn_dot_compare, iu_core
CREATE OR REPLACE VIEW iu_core.v_dot_comparison AS
SELECT k.checked_at, k.state, k.digest, k.expected, k.matching, k.drift, k.unknown, k.why, k.checks, k.objects, k.summary
FROM jsonb_to_record(iu_core.fn_dot_compare()) AS k(checked_at timestamptz, state text, digest text, expected integer, matching integer, drift integer, unknown integer, why text, checks jsonb, objects jsonb, summary text);
COMMENT ON VIEW iu_core.v_dot_comparison IS 'One comparison as a whole: state (matches, drift, unknown and why), how many objects are expected, match, have drifted and are unknown, and the same in a sentence, SHA-256 over the catalogue, and what v_dot_conformance and v_dot_drift would have told at that moment';
GRANT SELECT ON iu_core.v_dot_comparison TO iu_reader;

-- requires: fn_dot_compare, iu_core
CREATE OR REPLACE VIEW iu_core.v_dot_conformance AS
SELECT k.check_code, k.class, k.expected, k.present, k.missing, k.unexpected, k.changed, k.unknown, k.ok
FROM jsonb_to_recordset(iu_core.fn_dot_compare() -> 'checks') AS k(check_code text, class text, expected integer, present integer, missing integer, unexpected integer, changed integer, unknown integer, ok boolean)
ORDER BY length(k.check_code), 1;
COMMENT ON VIEW iu_core.v_dot_conformance IS 'D1 to D7: each class, expected (the inventory) against the live catalogue; D8: everything in the inventory, in both directions; D9: the classes D1 to D7 that are as they should be; D10: what guards the schema, against what bootstrap makes. What is unknown is never ok';
GRANT SELECT ON iu_core.v_dot_conformance TO iu_reader;

ALTER TABLE iu_core.iu_backup_evidence ENABLE ALWAYS TRIGGER trg_iu_backup_evidence_append_only;
ALTER TABLE iu_core.iu_collection_checkpoint ENABLE ALWAYS TRIGGER trg_iu_collection_checkpoint_append_only;
ALTER TABLE iu_core.iu_collection_checkpoint_piece ENABLE ALWAYS TRIGGER trg_iu_collection_checkpoint_piece_append_only;
ALTER TABLE iu_core.iu_import_base ENABLE ALWAYS TRIGGER trg_iu_import_base_append_only;
ALTER TABLE iu_core.dot_iu_command_run ENABLE ALWAYS TRIGGER trg_dot_iu_command_run_append_only;
ALTER TABLE iu_core.dot_iu_command_seal ENABLE ALWAYS TRIGGER trg_dot_iu_command_seal_append_only;
ALTER TABLE iu_core.event_outbox ENABLE ALWAYS TRIGGER trg_event_outbox_append_only;
ALTER TABLE iu_core.iu_archive ENABLE ALWAYS TRIGGER trg_iu_archive_append_only;
ALTER TABLE iu_core.iu_archive_move ENABLE ALWAYS TRIGGER trg_iu_archive_move_append_only;
ALTER TABLE iu_core.iu_route_attempt ENABLE ALWAYS TRIGGER trg_iu_route_attempt_append_only;
ALTER TABLE iu_core.dot_iu_history_block ENABLE ALWAYS TRIGGER trg_dot_iu_history_block_append_only;
ALTER TABLE iu_core.iu_held_decision ENABLE ALWAYS TRIGGER trg_iu_held_decision_append_only;
ALTER TABLE iu_core.unit_version ENABLE ALWAYS TRIGGER trg_unit_version_append_only;
