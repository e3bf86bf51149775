-- requires: dot_inventory, fn_dot_principals, iu_core
-- Who deploys is no part of the list that bootstrap works from, and neither is who owns the database: whoever deploys
-- first enters both, and what bootstrap could not take from PUBLIC; nobody does so again by deploying. After a restore
-- they are others, and are entered anew.
CREATE FUNCTION iu_core.fn_dot_deployer_enter(p_anew boolean)
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
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
