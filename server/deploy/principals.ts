/**
 * What guards the schema and is in no unit, because it belongs to the cluster or to the database as a whole. This is the one list:
 * bootstrap makes what it says, and `fn_dot_principals_expected`, which `iu db draft` writes from it, holds the live state against it.
 */

/** Roles of the cluster, and whether one logs in. They are not in a dump, and no unit makes or drops one. */
export const ROLES = {
  iu_owner: 'NOLOGIN',
  iu_reader: 'NOLOGIN',
  iu_console: 'LOGIN',
  iu_emitter: 'NOLOGIN',
  iu_worker: 'NOLOGIN',
  iu_operator: 'NOLOGIN',
  iu_approver: 'NOLOGIN',
} as const

export const ATTRIBUTES = 'NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT'

/** Which role is a member of which: member, role. */
export const MEMBERS = [
  ['iu_console', 'iu_reader'],
  ['iu_operator', 'iu_reader'],
  ['iu_approver', 'iu_reader'],
  // The comparison itself must find its tables where the schema was given to another owner.
  ['iu_owner', 'iu_reader'],
  // Worker health names the transaction that holds events back; without this it cannot see it.
  ['iu_owner', 'pg_read_all_stats'],
] as const

/** Who has which right on the database. PUBLIC has none. */
export const DATABASE_RIGHTS = {
  iu_owner: ['CONNECT', 'CREATE'],
  iu_reader: ['CONNECT'],
  iu_console: ['CONNECT'],
  iu_emitter: ['CONNECT'],
  iu_worker: ['CONNECT'],
} as const

/** What PostgreSQL gives to PUBLIC in each database and bootstrap takes away, by name: locks of its choice, large objects, and messages into the log. */
export const CLOSED_FUNCTIONS = '^(pg_(try_)?advisory_|pg_logical_emit_message$|lo_|loread$|lowrite$)'

/** The definition file of it: `drizzle/definitions/conformance/functions/fn_dot_closed_functions.sql`. */
export const closedFunctionsSql = (): string => `-- requires: iu_core
-- Written by \`iu db draft\` from server/deploy/principals.ts, which is also what bootstrap works from; edit that.
CREATE FUNCTION iu_core.fn_dot_closed_functions()
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT '${CLOSED_FUNCTIONS}' $$;
COMMENT ON FUNCTION iu_core.fn_dot_closed_functions() IS 'The names, as a regular expression, of the functions of PostgreSQL that bootstrap takes from PUBLIC: locks, large objects, messages into the log';
REVOKE ALL ON FUNCTION iu_core.fn_dot_closed_functions() FROM PUBLIC;
`

/** The definition file of the list: `drizzle/definitions/conformance/functions/fn_dot_principals_expected.sql`. */
export function principalsSql(): string {
  const rows = [
    ...Object.entries(ROLES).map(([role, login]) => [`role ${role}`, `ALTER ROLE ${role} ${ATTRIBUTES} ${login};`]),
    ...MEMBERS.map(([member, role]) => [`member ${member} of ${role}`, `GRANT ${role} TO ${member};`]),
    ...Object.entries(DATABASE_RIGHTS).map(([grantee, rights]) => [`rights of ${grantee} on the database`, [...rights].sort().map(right => `GRANT ${right} ON DATABASE current_database TO ${grantee};`).join('\n')]),
  ]
  return `-- requires: iu_core
-- Written by \`iu db draft\` from server/deploy/principals.ts, which is also what bootstrap works from; edit that.
CREATE FUNCTION iu_core.fn_dot_principals_expected()
RETURNS TABLE (identity text, definition text)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  VALUES
${rows.map(([identity, definition]) => `    ('${identity}', '${definition}')`).join(',\n')}
$$;
COMMENT ON FUNCTION iu_core.fn_dot_principals_expected() IS 'What bootstrap makes beside the schema: the roles, which is a member of which, and the rights on the database; as fn_dot_principals() spells what there is';
REVOKE ALL ON FUNCTION iu_core.fn_dot_principals_expected() FROM PUBLIC;
`
}
