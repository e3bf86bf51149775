-- unit: schema

-- requires: dot_deviation_decision, dot_iu_command_run, fn_dot_text_kept, iu_core
-- A row that was written by hand accepts nothing: the newest run on its object in the ledger must be the one that accepted it, with
-- the same digest, owner and end; who accepted it, and why, is read there.
-- Where its table is gone, or belongs to somebody else, nothing is accepted.
CREATE OR REPLACE FUNCTION iu_core.fn_dot_accepted()
RETURNS TABLE (decision_id bigint, class text, identity text, digest text, owner text, reason text, accepted_by text, accepted_at timestamptz, expires_at timestamptz)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, iu_core, pg_temp
SET TimeZone = 'UTC'
AS $$
BEGIN
  IF has_table_privilege(to_regclass('iu_core.dot_deviation_decision'), 'SELECT') THEN
    RETURN QUERY
    SELECT d.id, d.class, d.identity, d.digest, d.owner, r.reason, r.actor, r.finished_at, d.expires_at
    FROM dot_deviation_decision AS d
    CROSS JOIN LATERAL (
      SELECT w.* FROM dot_iu_command_run AS w
      WHERE w.object_refs @> ARRAY[format('deviation:%s %s', d.class, d.identity)] AND w.status = 'succeeded' AND w.mode IN ('apply', 'rollback')
      ORDER BY w.id DESC LIMIT 1) AS r
    CROSS JOIN LATERAL (SELECT o -> 'after' AS after FROM jsonb_array_elements(r.receipt -> 'objects') AS o WHERE o ->> 'ref' = format('deviation:%s %s', d.class, d.identity)) AS t
    WHERE d.expires_at > clock_timestamp()
      AND NOT EXISTS (SELECT FROM dot_deviation_decision AS l WHERE (l.class, l.identity) = (d.class, d.identity) AND l.id > d.id)
      AND t.after ->> 'state' = 'accepted' AND t.after ->> 'sha256' = d.digest AND t.after -> 'owner' = fn_dot_text_kept(to_jsonb(d.owner)) AND (t.after ->> 'expires_at')::timestamptz = d.expires_at;
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_accepted() IS 'The acceptances that hold now: the newest decision on each object, not withdrawn, not expired, and with its run in the ledger';
REVOKE ALL ON FUNCTION iu_core.fn_dot_accepted() FROM PUBLIC;

-- requires: dot_inventory, fn_dot_closed_functions, fn_dot_principals_expected, iu_core
-- The one reader of what guards the schema from outside: roles, memberships, settings, the database, and whatever of
-- other schemas reaches ours. What is as PostgreSQL makes it has no row. The database's own name stands in no
-- definition, so that a copy under another name is the same.
CREATE OR REPLACE FUNCTION iu_core.fn_dot_principals()
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
         coalesce(pg_has_role(CASE n.classid WHEN 'pg_class'::regclass THEN (SELECT relowner FROM pg_class WHERE oid = n.objid) WHEN 'pg_proc'::regclass THEN (SELECT proowner FROM pg_proc WHERE oid = n.objid) END, v_owner, 'MEMBER'), n.type IN ('table constraint', 'trigger')) OR EXISTS (SELECT FROM before_ours AS b WHERE (b.classid, b.objid) = (n.classid, n.objid))
  FROM named AS n;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_principals() IS 'What guards the schema from outside it, as it stands: each with its definition, the statements that undo it (null: its definition as it should be does), and whether it refuses commands where it is not as it should be';
REVOKE ALL ON FUNCTION iu_core.fn_dot_principals() FROM PUBLIC;

-- requires: dot_deviation_decision, fn_dot_compare, fn_dot_deviation_decide, fn_dot_deviation_facts, fn_dot_instant, fn_dot_word, fn_iu_lock, iu_core
CREATE OR REPLACE FUNCTION iu_core.dot_iu_accept_deviation(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET TimeZone = 'UTC'
AS $$
DECLARE
  v_class constant text := p_params ->> 'class';
  v_identity constant text := p_params ->> 'object';
  v_expires constant timestamptz := fn_dot_instant(p_params, 'expires_at');
  v_compared jsonb;
  v_found jsonb;
  v_decision dot_deviation_decision;
BEGIN
  IF v_expires <= clock_timestamp() OR v_expires > clock_timestamp() + interval '366 days' THEN
    RAISE EXCEPTION 'expires_at: an acceptance holds for a year at most, and its end is not past' USING ERRCODE = 'IU002', COLUMN = 'expires_at', HINT = 'Write a time within the next 366 days, as in 2030-01-31T12:00:00Z.';
  END IF;
  -- Two decisions on one object take turns.
  PERFORM fn_iu_lock(format('iu_core.deviation %s %s', v_class, v_identity));
  v_compared := fn_dot_compare(ARRAY[v_class, 'principal']);
  IF v_compared ->> 'digest' IS NULL THEN
    RAISE EXCEPTION 'object: it cannot be said now whether % % has drifted', v_class, v_identity USING ERRCODE = 'IU003', COLUMN = 'object', HINT = v_compared ->> 'why';
  -- A login that nobody admitted yet admits neither itself nor anybody else.
  ELSIF p_context ->> 'actor_kind' = 'login' AND EXISTS (
    SELECT FROM jsonb_array_elements(v_compared -> 'objects') AS o
    WHERE o ->> 'class' = 'principal' AND (o ->> 'identity' ~ fn_dot_word(quote_ident(session_user))
      OR o ->> 'identity' LIKE 'member %' AND EXISTS (SELECT FROM pg_roles AS r WHERE starts_with(o ->> 'identity', format('member %I of ', r.rolname)) AND pg_has_role(session_user, r.oid, 'MEMBER')))) THEN
    RAISE EXCEPTION 'object: % has drifted itself as a principal, and accepts nothing', p_context ->> 'actor' USING ERRCODE = 'IU018', COLUMN = 'object', HINT = 'Ask another approver.';
  END IF;
  SELECT o INTO v_found FROM jsonb_array_elements((v_compared -> 'objects') || (v_compared -> 'accepted')) AS o WHERE (o ->> 'class', o ->> 'identity') = (v_class, v_identity);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'object: % % has not drifted, so there is nothing to accept', v_class, v_identity USING ERRCODE = 'IU016', COLUMN = 'object', HINT = 'Conformance (v_dot_drift) names every object that has drifted, as it is written there.';
  ELSIF v_found ->> 'state' = 'unknown' THEN
    RAISE EXCEPTION 'object: % % is unknown, and only what is known can be accepted', v_class, v_identity USING ERRCODE = 'IU003', COLUMN = 'object', HINT = v_found ->> 'suggested_action';
  ELSIF v_class = 'other' AND v_identity NOT LIKE 'default privileges%' THEN
    RAISE EXCEPTION 'object: of % % only the name is compared, so it cannot be accepted as it is now', v_class, v_identity USING ERRCODE = 'IU003', COLUMN = 'object', HINT = 'Drop it, or keep it in a schema of your own.';
  ELSIF v_found ->> 'digest' <> p_params ->> 'digest' THEN
    RAISE EXCEPTION 'digest: % % deviates otherwise now', v_class, v_identity USING ERRCODE = 'IU014', COLUMN = 'digest',
      HINT = format('Read in Conformance (v_dot_drift) what differs now. The digest of that is %s.', v_found ->> 'digest');
  ELSIF v_found ? 'accepted_by' AND (v_found ->> 'owner', (v_found ->> 'expires_at')::timestamptz) = (p_params ->> 'owner', v_expires) THEN
    RAISE EXCEPTION 'object: % % is accepted already, by % until %', v_class, v_identity, v_found ->> 'accepted_by', v_expires USING ERRCODE = 'IU016', COLUMN = 'object';
  END IF;
  v_decision.class := v_class; v_decision.identity := v_identity; v_decision.digest := v_found ->> 'digest';
  v_decision.owner := p_params ->> 'owner'; v_decision.expires_at := v_expires; v_decision.reason := p_context ->> 'reason'; v_decision.decided_by := p_context ->> 'actor';
  RETURN fn_dot_deviation_decide(v_decision, jsonb_build_object('state', v_found -> 'state', 'sha256', v_found -> 'digest'))
    || jsonb_build_object('notes', jsonb_build_array(format('%s %s is %s. It refuses no command until %s.', v_class, v_identity, v_found ->> 'state', to_char(v_expires, 'YYYY-MM-DD HH24:MI "UTC"')),
                                                     'It is drift again then, and before that when it changes once more.'));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_accept_deviation(jsonb, jsonb) IS 'Accepts one object that has drifted, exactly as it is now, until a time';
REVOKE ALL ON FUNCTION iu_core.dot_iu_accept_deviation(jsonb, jsonb) FROM PUBLIC;

-- requires: iu_core
CREATE FUNCTION iu_core.fn_iu_column(p_blank text, p_from integer)
RETURNS integer
LANGUAGE plpgsql IMMUTABLE STRICT
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
AS $$
DECLARE
  v_column integer := p_from;
BEGIN
  FOR i IN 1 .. length(p_blank) LOOP
    v_column := v_column + CASE WHEN substr(p_blank, i, 1) = E'\t' THEN 4 - v_column % 4 ELSE 1 END;
  END LOOP;
  RETURN v_column;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_column(text, integer) IS 'The column that blanks and tabs lead to from a column (from 0): a tab leads to the next multiple of four';
REVOKE ALL ON FUNCTION iu_core.fn_iu_column(text, integer) FROM PUBLIC;

-- requires: fn_iu_column
-- The reading of CommonMark that a separator needs: what is still open at the end of a text. Line by line, the
-- outermost block only; what is inside a list or a quote ends with it.
CREATE OR REPLACE FUNCTION iu_core.fn_iu_block_end(p_text text, p_kind text, OUT is_over boolean, OUT closer text, OUT marker text, OUT content_column integer)
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
AS $$
DECLARE
  v_line text;
  v_bare text;
  v_indent integer;
  v_state text := 'over';          -- over, paragraph, quote, list, note, code, fence, front (matter), html (to its end), block (html to a blank line)
  v_blank boolean := false;        -- a blank line stands before, in a list, a note or code
  v_lines integer := 0;            -- of front matter, read so far
  v_fence text;
  v_ends text;                     -- what the html is closed by, as a pattern
  v_found text[];
  v_column integer;                -- behind a list marker
  v_content integer;               -- where what it marks begins
BEGIN
  is_over := true;
  -- A piece that was front matter may have been given another text since.
  v_fence := CASE WHEN p_kind = 'front_matter' THEN substring(ltrim(p_text, U&'\FEFF') FROM '^(---|\+\+\+)[ \t]*[\r\n](?:.*[\r\n])?\1[ \t]*(?:[\r\n]|$)') END;
  IF v_fence IS NOT NULL THEN
    v_state := 'front';
  END IF;
  FOREACH v_line IN ARRAY regexp_split_to_array(ltrim(p_text, U&'\FEFF'), '\r\n|\r|\n') LOOP
    IF v_state = 'front' THEN
      v_lines := v_lines + 1;
      IF v_lines > 1 AND rtrim(v_line, E' \t') = v_fence THEN v_state := 'over'; END IF;
      CONTINUE;
    END IF;
    v_bare := ltrim(v_line, E' \t');
    v_indent := fn_iu_column(left(v_line, length(v_line) - length(v_bare)), 0);
    IF v_state = 'fence' THEN
      IF v_indent < 4 AND starts_with(v_bare, v_fence) AND btrim(rtrim(v_bare, E' \t'), left(v_fence, 1)) = '' THEN
        v_state := 'over';
      END IF;
      CONTINUE;
    ELSIF v_state = 'html' THEN
      IF v_line ~* v_ends THEN v_state := 'over'; END IF;
      CONTINUE;
    ELSIF v_bare = '' THEN
      IF v_state IN ('list', 'note', 'code') THEN v_blank := true; ELSE v_state := 'over'; END IF;
      CONTINUE;
    END IF;

    v_found := CASE WHEN v_indent < 4 AND v_bare !~ '^([-_*])[ \t]*(\1[ \t]*){2,}$' THEN regexp_match(v_bare, '^([-+*]|\d{1,9}[.)])([ \t]*)(.?)') END;
    IF v_found[2] = '' AND v_found[3] <> '' THEN v_found := NULL; END IF;
    v_column := v_indent + length(v_found[1]);
    v_content := fn_iu_column(v_found[2], v_column);
    v_content := CASE WHEN v_content - v_column BETWEEN 1 AND 4 AND v_found[3] <> '' THEN v_content ELSE v_column + 1 END;
    IF v_state IN ('list', 'note') THEN
      IF v_indent >= content_column THEN
        v_blank := false;
        CONTINUE;
      ELSIF v_state = 'list' AND right(v_found[1], 1) = marker THEN
        v_blank := false;
        content_column := v_content;
        CONTINUE;
      END IF;
    ELSIF v_state = 'code' AND v_indent > 3 OR v_state = 'block' OR v_state = 'quote' AND v_indent < 4 AND starts_with(v_bare, '>') THEN
      v_blank := false;
      CONTINUE;
    ELSIF v_state = 'paragraph' AND v_indent < 4 AND v_bare ~ '^(=+|-+)[ \t]*$' THEN
      v_state := 'over';
      CONTINUE;
    END IF;

    IF v_indent > 3 THEN
      -- A line that belongs to a paragraph before it, wherever that one is.
      CONTINUE WHEN v_state IN ('paragraph', 'quote') OR v_state IN ('list', 'note') AND NOT v_blank;
      v_state := 'code';
    ELSIF v_bare ~ '^#{1,6}([ \t]|$)' OR v_bare ~ '^([-_*])[ \t]*(\1[ \t]*){2,}$' THEN
      v_state := 'over';
    ELSIF v_bare ~ '^(`{3,}[^`]*|~{3,}.*)$' THEN
      v_state := 'fence';
      v_fence := substring(v_bare FROM '^(`+|~+)');
    ELSIF v_bare ~* '^<(script|pre|style|textarea)([ \t>]|$)' THEN
      v_state := 'html'; v_ends := '</(script|pre|style|textarea)>';
      closer := '</' || lower(substring(v_bare FROM '^<([A-Za-z]+)')) || '>';
    ELSIF v_bare ~ '^<(!--|\?|!\[CDATA\[|![A-Za-z])' THEN
      v_state := 'html';
      closer := CASE WHEN starts_with(v_bare, '<!--') THEN '-->' WHEN starts_with(v_bare, '<?') THEN '?>' WHEN starts_with(v_bare, '<![') THEN ']]>' ELSE '>' END;
      v_ends := CASE closer WHEN '?>' THEN '\?>' WHEN ']]>' THEN '\]\]>' ELSE closer END;
    ELSIF v_bare ~* '^</?(address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|dialog|dir|div|dl|dt|fieldset|figcaption|figure|footer|form|frame|frameset|h[1-6]|head|header|hr|html|iframe|legend|li|link|main|menu|menuitem|nav|noframes|ol|optgroup|option|p|param|search|section|summary|table|tbody|td|tfoot|th|thead|title|tr|track|ul)([ \t]|/?>|$)' THEN
      v_state := 'block';
    ELSIF starts_with(v_bare, '>') THEN
      v_state := 'quote';
    ELSIF v_found IS NOT NULL AND (v_state NOT IN ('paragraph', 'quote') OR v_found[3] <> '' AND v_found[1] ~ '^([-+*]|0*1[.)])$') THEN
      v_state := 'list';
      marker := right(v_found[1], 1);
      content_column := v_content;
    ELSIF v_bare ~ '^\[\^[^] \t]+\]:' THEN
      v_state := 'note';
      content_column := 4;
    ELSIF v_state IN ('paragraph', 'quote') OR v_state IN ('list', 'note') AND NOT v_blank THEN
      CONTINUE;
    ELSIF v_bare ~* '^<(/[a-z][a-z0-9-]*[ \t]*|[a-z][^<>]*)>[ \t]*$' THEN
      v_state := 'block';
    ELSE
      v_state := 'paragraph';
    END IF;
    v_blank := false;
    IF v_state = 'html' AND substr(v_bare, 3) ~* v_ends THEN
      v_state := 'over';
    END IF;
  END LOOP;
  is_over := v_state = 'over';
  closer := CASE v_state WHEN 'fence' THEN v_fence WHEN 'html' THEN closer END;
  marker := CASE WHEN v_state = 'list' THEN marker END;
  content_column := CASE v_state WHEN 'list' THEN content_column WHEN 'note' THEN 4 WHEN 'code' THEN 4 END;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_block_end(text, text) IS 'What a Markdown text leaves open at its end. is_over: its last block is, and a line end is enough behind it; closer: the line that ends a fence or HTML which is not closed; marker: of the list that it ends with; content_column: a line that is indented so far still belongs to its last block, whatever blank lines stand between';
REVOKE ALL ON FUNCTION iu_core.fn_iu_block_end(text, text) FROM PUBLIC;

-- requires: fn_iu_block_end, fn_iu_column
CREATE OR REPLACE FUNCTION iu_core.fn_iu_separator(p_before text, p_before_kind text, p_after text, p_candidates text[], p_joiner text, p_line_end text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
AS $$
DECLARE
  v_end record;
  -- The first line that is not blank: how far it is indented, and the list that it would go on with.
  v_line constant text := coalesce(substring(ltrim(p_after, U&'\FEFF') FROM '^(?:[ \t]*(?:\r\n|\r|\n))*([^\r\n]*)'), '');
  v_indent constant integer := fn_iu_column(substring(v_line FROM '^[ \t]*'), 0);
  v_marker constant text := CASE WHEN v_indent < 4 AND v_line !~ '^ *([-_*])[ \t]*(\1[ \t]*){2,}$' THEN right(substring(v_line FROM '^ *([-+*]|\d{1,9}[.)])(?:[ \t]|$)'), 1) END;
  v_merges boolean;
  v_candidate text;
  v_norm text;
BEGIN
  v_end := fn_iu_block_end(p_before, p_before_kind);
  v_merges := v_indent >= v_end.content_column OR v_marker = v_end.marker;
  FOREACH v_candidate IN ARRAY p_candidates LOOP
    IF v_candidate IS NULL THEN
      -- What its author wants between any two pieces is enough, but where no blank line would be.
      CONTINUE WHEN p_joiner = '' OR v_end.closer IS NOT NULL OR v_merges AND p_joiner !~ '\S';
      RETURN NULL;
    END IF;
    v_norm := replace(replace(substring(right(p_before, 8) FROM '[ \t\r\n]*$') || v_candidate, E'\r\n', E'\n'), E'\r', E'\n');
    IF v_end.closer IS NOT NULL THEN
      CONTINUE WHEN v_norm !~ '^[ \t]*\n' OR v_norm !~ '\n[ \t]*\n$' OR position(v_end.closer IN v_candidate) = 0;
    ELSIF v_candidate ~ '\S' THEN
      -- Somebody's own words between two pieces stay. A comment or a closing line of ours that is not needed does not.
      CONTINUE WHEN v_candidate ~ '^\s*(`{3,}|~{3,}|-->|\?>|\]\]>|>|</(script|pre|style|textarea)>)\s*$' OR v_candidate ~ '<!-- -->' AND NOT v_merges;
    ELSE
      CONTINUE WHEN coalesce(v_merges, false) OR v_norm !~ '\n$' OR v_norm !~ CASE WHEN v_end.is_over THEN '^[ \t]*\n' ELSE '^[ \t]*\n[ \t]*\n' END;
    END IF;
    RETURN v_candidate;
  END LOOP;
  RETURN nullif(p_line_end || coalesce(v_end.closer || p_line_end, '') || p_line_end
    || CASE WHEN v_merges THEN '<!-- -->' || p_line_end || p_line_end ELSE '' END, CASE WHEN p_joiner <> '' THEN p_joiner END);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_separator(text, text, text, text[], text, text) IS 'The text between two pieces that keeps each the block it is: the first candidate that does (null = the joiner), else a blank line, behind a line that closes what is open, before an empty comment where a list or code would go on';
REVOKE ALL ON FUNCTION iu_core.fn_iu_separator(text, text, text, text[], text, text) FROM PUBLIC;

-- requires: fn_iu_payload_meets, fn_iu_payload_problems
-- For one event by itself: whatever its judgement raises is said of it, and is not the end of a page or a replay. Not so with what
-- says nothing of the event: a function that is not there, a full disk, a lock, and a person who cancels. A time that is up
-- is the event's, where it is the time that the statement had, and this event by itself took the half of it.
CREATE OR REPLACE FUNCTION iu_core.fn_iu_payload_judged(
  p_payload jsonb, p_schema jsonb, p_predicate jsonpath, p_keys text[], p_schema_fault text, OUT fault text, OUT detail text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_began constant timestamptz := clock_timestamp();
BEGIN
  IF p_predicate IS NULL THEN
    RETURN;
  ELSIF p_schema_fault IS NOT NULL THEN
    fault := 'cannot_be_judged';
    detail := p_schema_fault;
  ELSIF NOT fn_iu_payload_meets(p_payload, p_predicate, p_keys) THEN
    fault := 'payload_schema';
    detail := array_to_string(fn_iu_payload_problems(p_payload, p_schema), '; ');
  END IF;
EXCEPTION
  WHEN data_exception OR program_limit_exceeded OR out_of_memory OR internal_error OR SQLSTATE 'IU002' OR query_canceled THEN
    IF SQLSTATE = '57014' AND (current_setting('statement_timeout')::interval = interval '0'
                               OR clock_timestamp() < statement_timestamp() + current_setting('statement_timeout')::interval
                               OR clock_timestamp() < v_began + current_setting('statement_timeout')::interval / 2) THEN
      RAISE;
    END IF;
    fault := 'cannot_be_judged';
    detail := format('%s (%s)', left(SQLERRM, 500), SQLSTATE);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_payload_judged(jsonb, jsonb, jsonpath, text[], text) IS 'What one payload is found to be: payload_schema with the words where it breaks its schema, cannot_be_judged with the reason where its judgement raises or its schema has a fault, nothing where it meets it';
REVOKE ALL ON FUNCTION iu_core.fn_iu_payload_judged(jsonb, jsonb, jsonpath, text[], text) FROM PUBLIC;

-- requires: dot_iu_run_text, dot_iu_acting, dot_iu_command, dot_iu_command_run, fn_dot_drift_refused, fn_dot_ids_trimmed, fn_dot_run_overtaken, fn_dot_works_in_drift, fn_iu_json_unbounded, fn_iu_lock, iu_core
-- The dispatcher: the one way in which anything is changed. The handler runs in a subtransaction, so that
-- a plan is the real thing, taken back, and a refusal leaves its row in the ledger and nothing else.
CREATE OR REPLACE FUNCTION iu_core.fn_dot_command_run(
  p_command text, p_mode text, p_params jsonb DEFAULT '{}', p_reason text DEFAULT NULL, p_plan_digest text DEFAULT NULL,
  p_target_run_id bigint DEFAULT NULL, p_confirm text DEFAULT NULL, p_idempotency_key text DEFAULT NULL, p_token text DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET TimeZone = 'UTC'
SET quote_all_identifiers = off
SET standard_conforming_strings = on
SET bytea_output = hex
SET DateStyle = 'ISO, YMD'
SET IntervalStyle = postgres
SET extra_float_digits = 1
SET plpgsql.extra_errors = 'none'
AS $$
DECLARE
  v_started constant timestamptz := clock_timestamp();
  v_reason constant text := nullif(btrim(p_reason, E' \t\r\n'), '');
  v_who record;
  v_target dot_iu_command_run;     -- the run that is verified or undone
  v_command dot_iu_command;
  v_params jsonb := coalesce(p_params, '{}');
  v_param_digest bytea;
  v_input jsonb;                   -- the parameters without secrets
  v_plan dot_iu_command_run;
  v_run dot_iu_command_run;
  v_outcome jsonb;
  v_gates jsonb;
  v_problems text[];
  v_events_before bigint;
  v_overtaken bigint;
  v_unbounded text;
  v_drifted text;
  v_friction jsonb := '[]';        -- why this very change is of the second tier, though its command is not
  v_events jsonb := '[]';
  v_message text;
  v_detail text;
  v_hint text;
  v_column text;
BEGIN
  IF p_mode IS NULL OR p_mode NOT IN ('plan', 'apply', 'verify', 'rollback') THEN
    RAISE EXCEPTION 'mode: "%" is not plan, apply, verify or rollback', coalesce(left(p_mode, 40), 'null') USING ERRCODE = 'IU002', COLUMN = 'mode';
  END IF;
  -- Under a snapshot of its own the dispatcher would not see a gate that was closed meanwhile.
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'a command needs READ COMMITTED, not %', upper(current_setting('transaction_isolation')) USING ERRCODE = 'IU011';
  END IF;
  SELECT * INTO STRICT v_who FROM fn_iu_who(p_token);
  -- Before anything writes them out: a number of a dozen bytes may be a text of a hundred thousand.
  v_unbounded := fn_iu_json_unbounded(v_params, 67108864);
  IF v_unbounded IS NOT NULL THEN
    -- The parameter that it is, where it is one; together they may be too much as well.
    v_column := coalesce((SELECT p.key FROM jsonb_each(CASE WHEN jsonb_typeof(v_params) = 'object' THEN v_params ELSE '{}' END) AS p
                          WHERE octet_length(p.key) <= 80 AND fn_iu_json_unbounded(p.value, 67108864) IS NOT NULL ORDER BY p.key LIMIT 1), 'params');
    RAISE EXCEPTION '%: %', v_column, v_unbounded USING ERRCODE = 'IU002', COLUMN = v_column,
      HINT = 'Make the value smaller: at most 67108864 bytes written out, 100 levels, and 500 digits before and behind the point of a number.';
  END IF;

  IF p_target_run_id IS NOT NULL THEN
    SELECT * INTO v_target FROM dot_iu_command_run WHERE id = p_target_run_id AND mode IN ('apply', 'rollback') AND status = 'succeeded';
    IF NOT FOUND THEN
      RAISE EXCEPTION 'run: % is no run that did something', p_target_run_id USING ERRCODE = 'IU003', COLUMN = 'run', HINT = 'Only an apply or a rollback that succeeded can be verified or undone.';
    ELSIF v_target.receipt ->> 'command' IS DISTINCT FROM p_command THEN
      RAISE EXCEPTION 'run: % is a run of %', p_target_run_id, v_target.receipt ->> 'command' USING ERRCODE = 'IU002', COLUMN = 'run';
    END IF;
  ELSIF p_mode IN ('verify', 'rollback') THEN
    RAISE EXCEPTION 'run: say which run to %', p_mode USING ERRCODE = 'IU002', COLUMN = 'run';
  END IF;
  -- What undoes a run is a command like any other, with that command's right, gates and friction.
  SELECT * INTO v_command FROM dot_iu_command
  WHERE command_code = CASE WHEN p_target_run_id IS NULL OR p_mode = 'verify' THEN p_command ELSE coalesce(v_target.receipt -> 'inverse' ->> 'command', p_command) END;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'command: there is no %', coalesce(left(p_command, 80), 'null') USING ERRCODE = 'IU003', COLUMN = 'command';
  END IF;
  IF fn_iu_right_rank(v_who.account_right) < fn_iu_right_rank(v_command.required_right) THEN
    RAISE EXCEPTION '% needs the right %, and % has %', v_command.command_code, v_command.required_right, v_who.actor, v_who.account_right USING ERRCODE = 'IU013';
  ELSIF NOT (v_who.scopes && ARRAY['*', v_command.command_code]) THEN
    RAISE EXCEPTION 'this token has no scope %', v_command.command_code USING ERRCODE = 'IU013', HINT = 'Its scopes: ' || array_to_string(v_who.scopes, ', ');
  END IF;

  IF p_mode = 'verify' THEN
    v_params := v_target.params;
    v_param_digest := v_target.param_digest;
  ELSIF p_target_run_id IS NOT NULL THEN
    v_params := coalesce(v_target.receipt -> 'inverse' -> 'params', '{}') || coalesce((SELECT t.params FROM dot_iu_run_text AS t WHERE t.run_id = p_target_run_id), '{}');
  END IF;
  v_params := fn_dot_ids_trimmed(v_params, v_command.param_schema);
  -- Without its secrets: the console salts a password anew at each call, and a repeat must be known as one.
  v_input := CASE WHEN jsonb_typeof(v_params) = 'object' THEN v_params - v_command.secret_params ELSE v_params END;
  v_param_digest := coalesce(v_param_digest, sha256(convert_to(v_input::text, 'UTF8')));

  v_run.command_code := v_command.command_code; v_run.mode := p_mode; v_run.actor := v_who.actor; v_run.actor_kind := v_who.actor_kind;
  v_run.reason := left(v_reason, 2000); v_run.target_run_id := p_target_run_id; v_run.started_at := v_started; v_run.param_digest := v_param_digest;
  v_run.idempotency_key := CASE WHEN p_mode IN ('apply', 'rollback') THEN nullif(p_idempotency_key, '') END;
  v_run.object_refs := '{}'; v_run.event_count := 0;
  v_run.params := CASE WHEN p_mode = 'verify' THEN v_params ELSE fn_dot_params_kept(v_command, v_params) END;

  IF v_run.idempotency_key IS NOT NULL THEN
    IF octet_length(v_run.idempotency_key) > 200 THEN
      RAISE EXCEPTION 'idempotency_key: at most 200 bytes' USING ERRCODE = 'IU002', COLUMN = 'idempotency_key';
    END IF;
    -- The second click waits for the first, and is told what the first was told.
    PERFORM fn_iu_lock('iu_core.command ' || v_run.actor || chr(10) || v_run.idempotency_key);
    SELECT * INTO v_plan FROM dot_iu_command_run WHERE actor = v_run.actor AND idempotency_key = v_run.idempotency_key AND status = 'succeeded';
    IF FOUND THEN
      IF (v_plan.command_code, v_plan.mode, v_plan.param_digest) = (v_run.command_code, p_mode, v_param_digest) AND v_plan.target_run_id IS NOT DISTINCT FROM p_target_run_id THEN
        RETURN v_plan.receipt || '{"repeated": true}';
      END IF;
      v_run.idempotency_key := NULL;
      RETURN fn_dot_run_write(v_run, jsonb_build_object('status', 'refused', 'sqlstate', 'IU015', 'field', 'idempotency_key',
        'detail', format('the key was used for another input, by run %s', v_plan.id), 'hint', 'Use a new key for a new intention.'));
    END IF;
    v_plan := NULL;
  END IF;

  -- Outside of the subtransaction: what the comparison came to is kept, whatever becomes of the command.
  IF p_mode <> 'verify' AND p_target_run_id IS NULL AND NOT fn_dot_works_in_drift(v_command.command_code) THEN
    v_drifted := fn_dot_drift_refused(true) ->> v_command.command_code;
  END IF;

  BEGIN
    IF p_mode = 'verify' THEN
      RETURN fn_dot_run_verify(v_run, v_target);
    END IF;
    IF p_target_run_id IS NOT NULL THEN
      -- Two who undo one run take turns; the ledger's row is only locked, never changed.
      PERFORM FROM dot_iu_command_run WHERE id = p_target_run_id FOR UPDATE;
      IF v_target.receipt -> 'inverse' IS NULL OR v_target.receipt -> 'inverse' = 'null' THEN
        RAISE EXCEPTION 'run %: %', p_target_run_id, coalesce(v_target.receipt ->> 'irreversible', 'it cannot be undone') USING ERRCODE = 'IU017', COLUMN = 'run';
      ELSIF EXISTS (SELECT FROM dot_iu_command_run WHERE target_run_id = p_target_run_id AND mode = 'rollback' AND status = 'succeeded') THEN
        RAISE EXCEPTION 'run % is undone already', p_target_run_id USING ERRCODE = 'IU016', COLUMN = 'run';
      ELSIF EXISTS (SELECT FROM jsonb_object_keys(v_params) AS k WHERE k = ANY (v_command.body_params) AND v_params -> k = v_target.receipt -> 'inverse' -> 'params' -> k AND v_params -> k ?& '{sha256,bytes}') THEN
        RAISE EXCEPTION 'run %: the text that it would put back was deleted', p_target_run_id USING ERRCODE = 'IU017', COLUMN = 'run', HINT = format('Put it back by %s, with the text.', v_command.command_code);
      ELSIF EXISTS (SELECT FROM dot_iu_run_text AS t CROSS JOIN LATERAL jsonb_each(t.params) AS p
                    WHERE t.run_id = p_target_run_id AND fn_dot_params_kept(v_command, jsonb_build_object(p.key, p.value)) -> p.key IS DISTINCT FROM v_target.receipt -> 'inverse' -> 'params' -> p.key) THEN
        RAISE EXCEPTION 'run %: the text that it would put back is not the one whose digest the ledger has', p_target_run_id USING ERRCODE = 'IU017', COLUMN = 'run', HINT = format('Somebody changed it by hand. Put it back by %s, with the text.', v_command.command_code);
      END IF;
    END IF;
    v_problems := ARRAY(SELECT regexp_replace(regexp_replace(p, '^\$:', 'params:'), '^\$\.?', '') FROM unnest(fn_iu_payload_problems(v_params, v_command.param_schema)) AS p);
    IF cardinality(v_problems) > 0 THEN
      RAISE EXCEPTION '%', array_to_string(v_problems, '; ') USING ERRCODE = 'IU002', COLUMN = split_part(v_problems[1], ':', 1);
    END IF;
    IF octet_length(v_reason) > 2000 OR v_reason ~ '[\x01-\x08\x0b-\x1f\x7f]' THEN
      RAISE EXCEPTION 'reason: at most 2000 bytes, without control characters' USING ERRCODE = 'IU002', COLUMN = 'reason';
    END IF;
    IF p_mode <> 'plan' THEN
      IF v_command.reason_required AND v_reason IS NULL THEN
        RAISE EXCEPTION 'reason: say why' USING ERRCODE = 'IU002', COLUMN = 'reason';
      ELSIF v_command.confirm_param IS NOT NULL AND p_confirm IS DISTINCT FROM v_params ->> v_command.confirm_param THEN
        RAISE EXCEPTION 'confirm: type %', v_params ->> v_command.confirm_param USING ERRCODE = 'IU002', COLUMN = 'confirm';
      ELSIF v_command.tier > 1 AND p_plan_digest IS NULL THEN
        RAISE EXCEPTION 'plan_digest: % is applied from a plan', v_command.command_code USING ERRCODE = 'IU002', COLUMN = 'plan_digest', HINT = 'Plan it, read the plan, and pass its digest.';
      END IF;
      IF p_plan_digest IS NOT NULL THEN
        SELECT * INTO v_plan FROM dot_iu_command_run
        WHERE plan_digest = CASE WHEN p_plan_digest ~ '^[0-9a-f]{64}$' THEN decode(p_plan_digest, 'hex') END AND status = 'planned'
          AND (command_code, param_digest) = (v_command.command_code, v_param_digest) AND target_run_id IS NOT DISTINCT FROM p_target_run_id
        ORDER BY id DESC LIMIT 1
        FOR UPDATE;
        IF NOT FOUND THEN
          RAISE EXCEPTION 'plan_digest: no plan of this command with these parameters has it' USING ERRCODE = 'IU014', COLUMN = 'plan_digest', HINT = 'Plan again.';
        ELSIF v_plan.finished_at < clock_timestamp() - interval '1 hour' THEN
          RAISE EXCEPTION 'plan_digest: the plan is of %, and a plan holds for an hour', v_plan.finished_at USING ERRCODE = 'IU014', COLUMN = 'plan_digest', HINT = 'Plan again.';
        END IF;
        v_run.plan_run_id := v_plan.id;
        IF EXISTS (SELECT FROM dot_iu_command_run WHERE plan_run_id = v_plan.id AND status = 'succeeded') THEN
          RAISE EXCEPTION 'plan_digest: this plan was applied already' USING ERRCODE = 'IU014', COLUMN = 'plan_digest', HINT = 'Plan again, if it is wanted twice.';
        END IF;
      END IF;
    END IF;
    PERFORM fn_iu_gate_require(g) FROM unnest(v_command.gates) AS g;
    IF v_drifted IS NOT NULL THEN
      RAISE EXCEPTION '% needs %, which is not as it was deployed', v_command.command_code, v_drifted USING ERRCODE = 'IU020',
        HINT = 'Conformance (v_dot_drift) shows what differs and how to put it right. Closing, disabling and undoing go on working.';
    END IF;
    SELECT jsonb_object_agg(gate, state) INTO v_gates FROM v_iu_gate;

    v_events_before := coalesce(pg_sequence_last_value('iu_core.event_outbox_id_seq'), 0);
    INSERT INTO dot_iu_acting (xid, actor) VALUES (pg_current_xact_id(), v_who.actor);
    EXECUTE format('SELECT iu_core.%I($1, $2)', v_command.command_code) INTO v_outcome
      USING v_params, jsonb_strip_nulls(jsonb_build_object('actor', v_who.actor, 'actor_kind', v_who.actor_kind, 'account_id', v_who.account_id,
        'right', v_who.account_right, 'reason', v_reason, 'frozen', v_plan.frozen));
    v_friction := CASE WHEN p_target_run_id IS NULL THEN coalesce(v_outcome -> 'friction', '[]') ELSE '[]' END;
    v_outcome := v_outcome || jsonb_build_object('notes', jsonb_path_query_array(v_friction, '$[*].what') || coalesce(v_outcome -> 'notes', '[]'));
    IF p_mode = 'apply' AND v_friction <> '[]' AND (p_plan_digest IS NULL OR v_reason IS NULL) THEN
      RAISE EXCEPTION '%: %', CASE WHEN p_plan_digest IS NULL THEN 'plan_digest' ELSE 'reason' END, (SELECT string_agg(f ->> 'what', ' ') FROM jsonb_array_elements(v_friction) AS f)
        USING ERRCODE = 'IU002', COLUMN = CASE WHEN p_plan_digest IS NULL THEN 'plan_digest' ELSE 'reason' END, HINT = 'Plan it, read the plan, and apply that plan with a reason.';
    END IF;
    -- What a constraint would refuse at the commit, it refuses here: a plan that passes is one that commits.
    -- Each by its name: ALL would be the caller's own too, and up to PostgreSQL 17 their triggers would run as the owner.
    -- It is named where it is there: closing works though the tables of texts are gone.
    IF to_regclass('iu_core.iu_collection_piece_position_key') IS NOT NULL THEN
      SET CONSTRAINTS iu_core.iu_collection_piece_position_key IMMEDIATE;
    END IF;
    DELETE FROM dot_iu_acting WHERE xid = pg_current_xact_id();
    IF p_target_run_id IS NOT NULL THEN
      -- Asked when the handler holds its locks: whoever changed the same before is on record by now.
      v_overtaken := fn_dot_run_overtaken(v_target);
      IF v_overtaken IS NOT NULL THEN
        RAISE EXCEPTION 'run: what run % did was changed again by run %', p_target_run_id, v_overtaken USING ERRCODE = 'IU014', COLUMN = 'run',
          HINT = format('Undo run %s first, or ask for what is wanted by a command of its own.', v_overtaken);
      END IF;
    END IF;

    SELECT coalesce(jsonb_agg(jsonb_build_object('type', event_type, 'lane', delivery_lane, 'count', n) ORDER BY event_type COLLATE "C", delivery_lane), '[]'),
           coalesce(sum(n), 0), min(first), max(last)
    INTO v_events, v_run.event_count, v_run.event_from, v_run.event_to
    FROM (SELECT event_type, delivery_lane, count(*) AS n, min(id) AS first, max(id) AS last
          FROM event_outbox WHERE id > v_events_before AND xid = pg_current_xact_id() GROUP BY event_type, delivery_lane) AS e;
    v_run.state_digest := sha256(convert_to(coalesce(v_outcome -> 'state', '{}')::text, 'UTF8'));
    v_run.plan_digest := sha256(convert_to(v_command.command_code || chr(10) || v_input::text || chr(10) || v_gates::text || chr(10) || coalesce(v_outcome -> 'frozen', 'null')::text, 'UTF8') || v_run.state_digest);
    v_run.frozen := CASE WHEN p_mode = 'plan' THEN v_outcome -> 'frozen' END;
    SELECT coalesce(array_agg(DISTINCT r ORDER BY r), '{}') INTO v_run.object_refs
    FROM (SELECT o ->> 'ref' FROM jsonb_array_elements(coalesce(v_outcome -> 'objects', '[]')) AS o
          UNION ALL SELECT jsonb_array_elements_text(coalesce(v_outcome -> 'refs', '[]'))) AS touched(r);

    IF p_mode = 'plan' THEN
      RAISE EXCEPTION 'taken back' USING ERRCODE = 'XPLAN';
    END IF;
    IF v_plan.id IS NOT NULL AND v_plan.plan_digest <> v_run.plan_digest THEN
      RAISE EXCEPTION 'plan_digest: what the plan was made of has changed' USING ERRCODE = 'IU014', COLUMN = 'plan_digest',
        DETAIL = CASE WHEN v_plan.state_digest = v_run.state_digest THEN 'A gate has changed since.' ELSE 'The state has moved on since.' END, HINT = 'Plan again.';
    END IF;
    -- What was true at the start must be true at the end: a gate that closed meanwhile stops the command here.
    PERFORM fn_iu_gate_require(g) FROM unnest(v_command.gates) AS g;
    -- So must who acts, unless the command has just shut the door behind them, as a new password does.
    IF NOT EXISTS (SELECT FROM jsonb_array_elements(v_outcome -> 'objects') AS o
                   WHERE o ->> 'change' = 'update' AND (o ->> 'ref' = 'account:' || v_who.actor OR starts_with(o ->> 'ref', format('token:%s/', v_who.actor)))) THEN
      PERFORM FROM fn_iu_who(p_token);
    END IF;
    v_message := 'done';
  EXCEPTION
    WHEN serialization_failure OR deadlock_detected OR lock_not_available THEN
      RAISE;                                          -- the caller tries again with the same key
    WHEN SQLSTATE 'IU012' THEN
      RAISE;
    WHEN SQLSTATE 'XPLAN' THEN
      v_message := 'planned';
    WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS v_message = MESSAGE_TEXT, v_detail = PG_EXCEPTION_DETAIL, v_hint = PG_EXCEPTION_HINT, v_column = COLUMN_NAME;
      -- In the words of this command's parameters.
      IF fn_dot_field(v_column, v_command.param_schema) <> v_column THEN
        v_message := regexp_replace(v_message, '^' || v_column || ':', fn_dot_field(v_column, v_command.param_schema) || ':');
        v_column := fn_dot_field(v_column, v_command.param_schema);
      END IF;
      v_run.frozen := NULL; v_run.object_refs := '{}'; v_run.event_count := 0; v_run.event_from := NULL; v_run.event_to := NULL;
      RETURN fn_dot_run_write(v_run, jsonb_build_object(
        'given', v_params, 'status', CASE WHEN fn_dot_refusal_code(SQLSTATE) IS NULL THEN 'failed' ELSE 'refused' END, 'sqlstate', SQLSTATE,
        'field', nullif(v_column, ''), 'friction', CASE WHEN v_column IN ('plan_digest', 'reason') THEN nullif(jsonb_path_query_array(v_friction, '$[*].because'), '[]') END, 'detail', v_message, 'more', nullif(v_detail, ''), 'hint', nullif(v_hint, ''),
        'errors', CASE WHEN cardinality(v_problems) > 0 THEN (SELECT jsonb_agg(jsonb_build_object('field', split_part(p, ': ', 1), 'message', substr(p, length(split_part(p, ': ', 1)) + 3))) FROM unnest(v_problems) AS p) END));
  END;
  RETURN fn_dot_run_write(v_run, jsonb_build_object('status', CASE p_mode WHEN 'plan' THEN 'planned' ELSE 'succeeded' END, 'events', v_events), v_outcome);
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_command_run(text, text, jsonb, text, text, bigint, text, text, text) IS 'Runs a command for who holds the token (without one: for the login): plan, apply, verify or rollback; returns the receipt, which is also the ledger''s row, but for the texts. A refusal is returned, not raised. Raises 40001, 40P01 and 55P03 (try again with the same key), IU012 nobody, IU013 no right, IU003 unknown command or run, IU002 bad mode, key or parameters that are too large to be written out, IU011 isolation; these leave no row';
REVOKE ALL ON FUNCTION iu_core.fn_dot_command_run(text, text, jsonb, text, text, bigint, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_dot_command_run(text, text, jsonb, text, text, bigint, text, text, text) TO iu_console, iu_operator, iu_approver;

-- requires: iu_core
-- A message may quote what was given or the beginning of it, as it is or in the spelling of JSON. Shorter ones are words of any message: text, retired.
CREATE OR REPLACE FUNCTION iu_core.fn_dot_texts_left_out(p_told jsonb, p_given jsonb, p_kept jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_told text := p_told::text;
  v_part text;
BEGIN
  -- What is told is JSON itself, so each is looked for as it is spelled there; the longest first.
  FOR v_part IN
    SELECT DISTINCT ON (length(part), part) part
    FROM (SELECT t #>> '{}' AS text FROM jsonb_path_query(p_given, 'strict $.** ? (@.type() == "string" || @.type() == "number")') AS t
          -- A name in an object of the caller's is a text as well.
          UNION SELECT t #>> '{}' FROM jsonb_path_query(p_given, 'strict $.** ? (@.type() == "object").keyvalue().key') AS t
          EXCEPT SELECT t #>> '{}' FROM jsonb_path_query(p_kept, 'strict $.** ? (@.type() == "string" || @.type() == "number")') AS t
          EXCEPT SELECT t #>> '{}' FROM jsonb_path_query(p_kept, 'lax $.keyvalue().key') AS t) AS left_out
    CROSS JOIN LATERAL unnest(ARRAY[text, to_jsonb(text)::text]) AS g(given)
    CROSS JOIN LATERAL unnest(ARRAY[length(given), 300, 200, 120, 80, 60, 40]) AS l(n)
    CROSS JOIN LATERAL (SELECT to_jsonb(left(given, n))::text) AS j(spelled)
    CROSS JOIN LATERAL (SELECT substr(spelled, 2, length(spelled) - 2)) AS p(part)
    WHERE n <= length(given) AND length(text) >= 8 AND position(part IN v_told) > 0
    ORDER BY length(part) DESC, part
  LOOP
    v_told := replace(v_told, v_part, '…');
  END LOOP;
  RETURN v_told::jsonb;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_texts_left_out(jsonb, jsonb, jsonb) IS 'What is told of a refusal or a fault, without the texts that were given and are not kept';
REVOKE ALL ON FUNCTION iu_core.fn_dot_texts_left_out(jsonb, jsonb, jsonb) FROM PUBLIC;

-- requires: dot_iu_command, dot_iu_run_text, fn_dot_params_kept, fn_dot_receipt_kept, fn_dot_texts_left_out, dot_iu_command_run, dot_iu_command_seal, dot_iu_command_unsealed, iu_core
-- The only INSERT into the ledger. p_outcome is what a handler returned. What the caller is told has the texts that they gave; the row has not.
CREATE OR REPLACE FUNCTION iu_core.fn_dot_run_write(p_run iu_core.dot_iu_command_run, p_told jsonb, p_outcome jsonb DEFAULT '{}')
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_id constant bigint := nextval('iu_core.dot_iu_command_run_id_seq');
  v_finished constant timestamptz := clock_timestamp();
  v_objects constant jsonb := coalesce(p_outcome -> 'objects', '[]');
  v_code constant text := CASE WHEN p_told ->> 'status' = 'failed' THEN 'internal' ELSE fn_dot_refusal_code(p_told ->> 'sqlstate') END;
  v_receipt jsonb;
  v_kept jsonb;
  v_inverse jsonb;
  v_texts jsonb;                   -- what an undo puts back and the ledger does not keep
  v_head record;
BEGIN
  SELECT s.seal_no, s.chain_digest INTO v_head FROM dot_iu_command_seal AS s ORDER BY s.seal_no DESC LIMIT 1;
  v_receipt := jsonb_strip_nulls(jsonb_build_object(
    'run', v_id, 'command', (p_run).command_code, 'mode', (p_run).mode, 'actor', (p_run).actor, 'reason', (p_run).reason, 'params', (p_run).params,
    'code', v_code, 'plan_digest', encode((p_run).plan_digest, 'hex'), 'plan_run', (p_run).plan_run_id, 'target_run', (p_run).target_run_id,
    'started_at', (p_run).started_at, 'finished_at', v_finished)) || jsonb_strip_nulls(p_told - 'sqlstate' - 'given');
  IF p_told ->> 'status' = 'failed' THEN
    -- What broke inside is for the ledger's reader and the log, not for the caller.
    v_receipt := v_receipt - 'more' - 'hint' - 'field' || '{"detail": "Something went wrong inside; nothing was changed."}';
  ELSIF p_told ->> 'status' IN ('planned', 'succeeded') THEN
    v_receipt := v_receipt || jsonb_build_object(
      'objects', (SELECT coalesce(jsonb_agg(o ORDER BY n), '[]') FROM jsonb_array_elements(v_objects) WITH ORDINALITY AS x(o, n) WHERE n <= 200),
      'counts', (SELECT jsonb_build_object('create', count(*) FILTER (WHERE o ->> 'change' = 'create'), 'update', count(*) FILTER (WHERE o ->> 'change' = 'update'),
                                           'delete', count(*) FILTER (WHERE o ->> 'change' = 'delete')) FROM jsonb_array_elements(v_objects) AS o),
      'before_digest', encode((p_run).state_digest, 'hex'),
      'after_digest', encode(sha256(convert_to(jsonb_path_query_array(v_objects, '$[*].after')::text, 'UTF8')), 'hex'),
      'result', coalesce(p_outcome -> 'result', '{}'), 'notes', coalesce(p_outcome -> 'notes', '[]'), 'checks', coalesce(p_outcome -> 'checks', '[]'),
      'inverse', coalesce(p_outcome -> 'inverse', 'null'))
      || CASE WHEN coalesce(p_outcome -> 'inverse', 'null') = 'null' THEN jsonb_build_object('irreversible', coalesce(p_outcome ->> 'irreversible', 'It cannot be undone.')) ELSE '{}' END
      -- What came of it, where that is not what it was for: the first line of a plan as of a receipt.
      || CASE WHEN p_outcome ? 'outcome' THEN jsonb_strip_nulls(jsonb_build_object('outcome', p_outcome -> 'outcome' -> 'code', 'headline', p_outcome -> 'outcome' -> CASE (p_run).mode WHEN 'plan' THEN 'would' ELSE 'did' END)) ELSE '{}' END
      || CASE WHEN (p_run).mode = 'plan' THEN jsonb_build_object('expires_at', v_finished + interval '1 hour') ELSE '{}' END;
  END IF;
  SELECT fn_dot_params_kept(c, v_receipt -> 'inverse' -> 'params') INTO v_inverse FROM dot_iu_command AS c WHERE c.command_code = v_receipt -> 'inverse' ->> 'command';
  v_kept := fn_dot_receipt_kept(v_receipt, v_inverse)
    || CASE WHEN p_told ? 'given' THEN fn_dot_texts_left_out(jsonb_strip_nulls(jsonb_build_object('field', v_receipt -> 'field', 'detail', v_receipt -> 'detail', 'more', v_receipt -> 'more', 'hint', v_receipt -> 'hint', 'errors', v_receipt -> 'errors',
         'fault', CASE WHEN p_told ->> 'status' = 'failed' THEN jsonb_build_object('sqlstate', p_told -> 'sqlstate', 'message', p_told -> 'detail') END)), p_told -> 'given', (p_run).params) ELSE '{}' END;
  IF v_kept ? 'fault' THEN
    v_kept := jsonb_set(v_kept, '{fault,message}', to_jsonb(left(v_kept -> 'fault' ->> 'message', 300)));
  END IF;
  INSERT INTO dot_iu_command_run (id, command_code, mode, status, code, actor, actor_kind, reason, params, param_digest, state_digest, plan_digest, plan_run_id, target_run_id,
                                  idempotency_key, object_refs, event_count, event_from, event_to, frozen, receipt, started_at, finished_at, head_no, head_digest, outcome)
  OVERRIDING SYSTEM VALUE
  VALUES (v_id, (p_run).command_code, (p_run).mode, p_told ->> 'status', v_code, (p_run).actor, (p_run).actor_kind, (p_run).reason, (p_run).params, (p_run).param_digest,
          (p_run).state_digest, (p_run).plan_digest, (p_run).plan_run_id, (p_run).target_run_id, (p_run).idempotency_key, (p_run).object_refs, (p_run).event_count, (p_run).event_from, (p_run).event_to,
          (p_run).frozen, v_kept, (p_run).started_at, v_finished, v_head.seal_no, v_head.chain_digest, v_receipt ->> 'outcome');
  IF p_told ->> 'status' = 'succeeded' THEN
    v_texts := (SELECT jsonb_object_agg(key, value) FROM jsonb_each(CASE WHEN v_inverse IS NOT NULL THEN v_receipt -> 'inverse' -> 'params' ELSE '{}' END) WHERE value <> v_inverse -> key);
    -- Not touched without need: a gate is closed and a route disabled though the table is gone.
    IF v_texts IS NOT NULL THEN
      INSERT INTO dot_iu_run_text (run_id, params) VALUES (v_id, v_texts);
    END IF;
    IF (p_run).mode = 'rollback' THEN
      DELETE FROM dot_iu_run_text WHERE run_id = (p_run).target_run_id;
    END IF;
  END IF;
  INSERT INTO dot_iu_command_unsealed (run_id) VALUES (v_id);
  -- Told once, kept nowhere.
  RETURN v_receipt || CASE WHEN (p_run).mode <> 'plan' AND p_outcome ? 'secret' THEN jsonb_build_object('secret', p_outcome -> 'secret') ELSE '{}' END;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_run_write(iu_core.dot_iu_command_run, jsonb, jsonb) IS 'Writes a run into the ledger and returns its receipt';
REVOKE ALL ON FUNCTION iu_core.fn_dot_run_write(iu_core.dot_iu_command_run, jsonb, jsonb) FROM PUBLIC;
