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
