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

  -- Each function of ours looks into pg_catalog first: rights there that initdb did not give are rights on what all of us call.
  RETURN QUERY
  WITH given AS MATERIALIZED (
    SELECT 'pg_namespace'::regclass AS classid, n.oid, 'schema pg_catalog' AS called, '' AS name, n.nspacl AS acl, 'n' AS letter, n.nspowner AS owner FROM pg_namespace AS n WHERE n.nspname = 'pg_catalog'
    UNION ALL SELECT 'pg_proc'::regclass, p.oid, format('function pg_catalog.%s', p.oid::regprocedure), p.proname, p.proacl, 'f', p.proowner FROM pg_proc AS p WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.oid < 16384 AND p.proacl IS NOT NULL
    UNION ALL SELECT 'pg_class'::regclass, c.oid, format('table pg_catalog.%I', c.relname), c.relname, c.relacl, 'r', c.relowner FROM pg_class AS c WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relacl IS NOT NULL
  ), more AS (
    SELECT g.called, g.name, a.grantee, a.privilege_type
    FROM given AS g CROSS JOIN LATERAL aclexplode(g.acl) AS a
    WHERE a.grantee <> g.owner AND (a.grantee = 0 OR a.grantee = ANY (v_ours || v_members) OR g.letter = 'n') AND NOT coalesce((SELECT r.rolsuper FROM pg_roles AS r WHERE r.oid = a.grantee), false)
      AND NOT EXISTS (
        SELECT FROM aclexplode(coalesce((SELECT i.initprivs FROM pg_init_privs AS i WHERE (i.classoid, i.objoid, i.objsubid) = (g.classid, g.oid, 0)), acldefault(g.letter::"char", g.owner))) AS i
        WHERE (i.grantee, i.privilege_type) = (a.grantee, a.privilege_type))
  )
  SELECT format('rights of %s on %s', n.name, m.called), string_agg(format('GRANT %s ON %s TO %s;', m.privilege_type, m.called, n.name), chr(10) ORDER BY m.privilege_type),
         format('REVOKE ALL ON %s FROM %s CASCADE;', m.called, n.name), true
  FROM more AS m CROSS JOIN LATERAL (SELECT CASE m.grantee WHEN 0 THEN 'PUBLIC' ELSE m.grantee::regrole::text END AS name) AS n
  -- Bootstrap takes these from PUBLIC and gives them to the owner, whose functions lock by them; the last an administrator may give, so that settings to come are seen.
  WHERE NOT (m.grantee = v_owner AND (m.name ~ fn_dot_closed_functions() OR m.name = 'pg_show_all_file_settings'))
  GROUP BY n.name, m.called;

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
         CASE WHEN evtenabled <> 'O' THEN format('-- enabled: %s', evtenabled) END, pg_get_functiondef(evtfoid)), format('DROP EVENT TRIGGER IF EXISTS %I;', evtname), true
  FROM pg_event_trigger
  UNION ALL
  SELECT format('publication %I', p.pubname), concat_ws(chr(10), format('CREATE PUBLICATION %I%s; -- %s', p.pubname, CASE WHEN p.puballtables THEN ' FOR ALL TABLES' END, p.pubowner::regrole), CASE WHEN s.is_whole THEN format('ALTER PUBLICATION %I ADD TABLES IN SCHEMA iu_core;', p.pubname) END,
           (SELECT string_agg(format('ALTER PUBLICATION %I ADD TABLE %s%s%s;', p.pubname, r.prrelid::regclass,
             ' (' || (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute AS a WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs)) || ')', ' WHERE ' || pg_get_expr(r.prqual, r.prrelid)), chr(10) ORDER BY r.prrelid::regclass::text COLLATE "C") FROM pg_publication_rel AS r WHERE r.prrelid = ANY (t.tables) AND r.prpubid = p.oid)),
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
  SELECT format('child %s of %s', h.inhrelid::regclass, h.inhparent::regclass), concat_ws(chr(10), format('ALTER TABLE %s INHERIT %s;', h.inhrelid::regclass, h.inhparent::regclass), 'owner ' || l.relowner::regrole, 'rights ' || array_to_string(l.relacl, ', ')), format('ALTER TABLE %s NO INHERIT %s;', h.inhrelid::regclass, h.inhparent::regclass), true
  FROM pg_inherits AS h JOIN pg_class AS c ON c.oid = h.inhparent JOIN pg_class AS l ON l.oid = h.inhrelid WHERE c.relnamespace = v_schema AND c.relkind IN ('r', 'f') AND l.relnamespace <> v_schema
  UNION ALL
  SELECT format('foreign table %s', f.ftrelid::regclass), format('CREATE FOREIGN TABLE %s SERVER %I OPTIONS (%s);', f.ftrelid::regclass, s.srvname, array_to_string(f.ftoptions, ', ')), format('DROP FOREIGN TABLE IF EXISTS %s CASCADE;', f.ftrelid::regclass), true
  FROM pg_foreign_table AS f JOIN pg_foreign_server AS s ON s.oid = f.ftserver JOIN pg_class AS c ON c.oid = f.ftrelid WHERE c.relnamespace <> v_schema AND f.ftoptions::text ~ 'iu_core';

  -- Whatever stands in another schema upon an object of ours, or upon what does: by PostgreSQL's own dependencies. And, which
  -- have none: functions that run with their owner's rights and name the schema, or whose owner is ours; and what anybody made
  -- in pg_catalog, where it comes before ours.
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
  ), before_ours(classid, objid) AS (
    SELECT s.classid, s.objid
    FROM (SELECT 'pg_proc'::regclass::oid AS classid, oid AS objid FROM pg_proc WHERE oid >= 16384 AND pronamespace = 'pg_catalog'::regnamespace
          UNION ALL SELECT 'pg_operator'::regclass, oid FROM pg_operator WHERE oid >= 16384 AND oprnamespace = 'pg_catalog'::regnamespace
          UNION ALL SELECT 'pg_class'::regclass, oid FROM pg_class WHERE oid >= 16384 AND relnamespace = 'pg_catalog'::regnamespace AND relkind NOT IN ('i', 'I', 't')
          UNION ALL SELECT 'pg_cast'::regclass, oid FROM pg_cast WHERE oid >= 16384 AND castsource < 16384 AND casttarget < 16384) AS s
    WHERE NOT EXISTS (SELECT FROM pg_depend AS d WHERE (d.classid, d.objid) = (s.classid, s.objid) AND d.deptype = 'e')
  ), found AS (
    SELECT CASE classid WHEN 'pg_rewrite'::regclass THEN (SELECT CASE WHEN c.relkind IN ('v', 'm') THEN 'pg_class'::regclass::oid END FROM pg_rewrite AS r JOIN pg_class AS c ON c.oid = r.ev_class WHERE r.oid = u.objid) END AS as_class,
           CASE classid WHEN 'pg_rewrite'::regclass THEN (SELECT ev_class FROM pg_rewrite WHERE oid = u.objid) END AS as_oid, classid, objid, objsubid
    FROM upon AS u WHERE place NOT IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_(toast$|(toast_)?temp_\d+$)')
    UNION
    SELECT NULL, NULL, 'pg_proc'::regclass, oid, 0 FROM pg_proc
    WHERE prosecdef AND oid >= 16384 AND pronamespace <> v_schema AND pronamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_temp_\d+$') AND (prosrc ~ 'iu_core' OR proconfig::text ~ 'iu_core' OR proowner = v_owner)
    UNION
    SELECT NULL, NULL, classid, objid, 0 FROM before_ours
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
           WHEN 'pg_constraint'::regclass THEN pg_get_constraintdef(n.objid) WHEN 'pg_trigger'::regclass THEN (SELECT concat_ws(chr(10), pg_get_triggerdef(t.oid), CASE WHEN p.pronamespace <> v_schema THEN pg_get_functiondef(p.oid) END) FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid WHERE t.oid = n.objid) WHEN 'pg_rewrite'::regclass THEN pg_get_ruledef(n.objid)
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
         coalesce(pg_has_role(CASE n.classid WHEN 'pg_class'::regclass THEN (SELECT relowner FROM pg_class WHERE oid = n.objid) WHEN 'pg_proc'::regclass THEN (SELECT proowner FROM pg_proc WHERE oid = n.objid) END, v_owner, 'MEMBER'), n.type IN ('table constraint', 'trigger')) OR EXISTS (SELECT FROM before_ours AS b WHERE (b.classid, b.objid) = (n.classid, n.objid))
  FROM named AS n;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_principals() IS 'What guards the schema from outside it, as it stands: each with its definition, the statements that undo it (null: its definition as it should be does), and whether it refuses commands where it is not as it should be';
REVOKE ALL ON FUNCTION iu_core.fn_dot_principals() FROM PUBLIC;
