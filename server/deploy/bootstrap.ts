import type { Client, PoolClient } from 'pg'
import { faultOf } from '../db/faults.ts'
import { ATTRIBUTES, CLOSED_FUNCTIONS, DATABASE_RIGHTS, MEMBERS, ROLES } from './principals.ts'

/** `iu_console` has no password until it is given one, so LOGIN alone lets nobody in under SCRAM. */
const createRole = (role: string, login: string) => `DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '${role}') THEN
    CREATE ROLE ${role} ${login} ${ATTRIBUTES};
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;  -- another bootstrap was quicker
END $$`

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/**
 * The statements that prepare a cluster and the connected database for the first unit, in order.
 * Each may be run again.
 */
export function bootstrapStatements(database: string, deployer: string): string[] {
  return [
    ...Object.entries(ROLES).map(([role, login]) => createRole(role, login)),
    ...MEMBERS.map(([member, role]) => `GRANT ${role} TO ${member}`),
    `GRANT iu_owner TO ${quoted(deployer)}`,
    ...Object.entries(DATABASE_RIGHTS).map(([grantee, rights]) => `GRANT ${rights.join(', ')} ON DATABASE ${quoted(database)} TO ${grantee}`),
  ]
}

const list = (pairs: readonly (readonly [string, string])[]) => pairs.map(([who, what]) => `('${who}', '${what}')`).join(', ')
const RIGHTS = Object.entries(DATABASE_RIGHTS).flatMap(([grantee, rights]) => rights.map(right => [grantee, right] as const))

/** Whether an administrator, or an earlier run, has seen to all of it: a login without the rights may then go on. Of a role that is not there nothing is known. */
const IS_DONE = `SELECT (SELECT count(*) = ${Object.keys(ROLES).length} FROM pg_roles WHERE rolname IN (${Object.keys(ROLES).map(role => `'${role}'`).join(', ')}))
  AND (SELECT bool_and(pg_has_role(to_regrole(member), to_regrole(role), 'MEMBER')) FROM (VALUES ${list(MEMBERS)}) AS m(member, role))
  AND (SELECT bool_and(has_database_privilege(to_regrole(grantee), current_database(), privilege)) FROM (VALUES ${list(RIGHTS)}) AS r(grantee, privilege))
  AND pg_has_role(session_user, to_regrole('iu_owner'), 'MEMBER') AS done`

const OPEN_FUNCTIONS = `SELECT oid::regprocedure AS name FROM pg_catalog.pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace
    AND proname ~ '${CLOSED_FUNCTIONS}' AND has_function_privilege('public', oid, 'EXECUTE')`

/**
 * What every login could do in the connected database by being one. A temporary table, a lock or a large object of a stranger
 * must not stand in anybody's way; the functions of the schema, which run as iu_owner, take locks. Each may be run again.
 */
const protections = (database: string): string[] => [
  `REVOKE CONNECT, TEMPORARY ON DATABASE ${quoted(database)} FROM PUBLIC`,
  `DO $$ DECLARE f regprocedure; BEGIN
  FOR f IN ${OPEN_FUNCTIONS} LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION pg_catalog.%s FROM PUBLIC', f);
    EXECUTE format('GRANT EXECUTE ON FUNCTION pg_catalog.%s TO iu_owner', f);
  END LOOP;
  IF has_schema_privilege('public', to_regnamespace('public'), 'CREATE') THEN
    REVOKE CREATE ON SCHEMA public FROM PUBLIC;
  END IF;
END $$`,
]

const IS_PROTECTED = `SELECT NOT has_database_privilege('public', current_database(), 'CONNECT') AND NOT has_database_privilege('public', current_database(), 'TEMPORARY')
  AND NOT EXISTS (${OPEN_FUNCTIONS}) AND has_schema_privilege('public', to_regnamespace('public'), 'CREATE') IS NOT TRUE AS done`

const LOCK = `hashtext('iu_core bootstrap')`
const isDone = async (client: Client | PoolClient, question: string): Promise<boolean> => (await client.query<{ done: boolean | null }>(question)).rows[0]!.done === true
const script = (statements: string[]): string => statements.map(statement => `${statement};`).join('\n')
/** A right that is missing: PostgreSQL may also say that what is asked takes an owner. */
const mayNot = (error: unknown): boolean => faultOf(error as Error) === 'denied'

export class BootstrapError extends Error {
  /** what an administrator has to run; empty when that would not help */
  readonly sql: string

  constructor(message: string, sql: string) {
    super(message)
    this.sql = sql
  }
}

/**
 * Makes the roles and grants on the connected database, and takes from PUBLIC what it has there.
 * @returns the SQL that an administrator has still to run for the latter; empty where nothing is left. What it protects works without.
 * @throws {BootstrapError} with the whole SQL for an administrator when the login lacks the rights for the roles.
 */
export async function bootstrap(client: Client | PoolClient): Promise<string> {
  const { rows: [here] } = await client.query<{ database: string, deployer: string, encoding: string }>(
    `SELECT current_database() AS database, session_user AS deployer, current_setting('server_encoding') AS encoding`)
  if (here!.encoding !== 'UTF8') {
    throw new BootstrapError(`database ${here!.database} has encoding ${here!.encoding}; text is kept byte for byte only in UTF8`, '')
  }
  const [hasRoles, wasProtected] = [await isDone(client, IS_DONE), await isDone(client, IS_PROTECTED)]
  if (hasRoles && wasProtected) return ''
  const [roles, rest] = [bootstrapStatements(here!.database, here!.deployer), protections(here!.database)]
  const tried = async (statements: string[]): Promise<boolean> => {
    try {
      for (const statement of statements) await client.query(statement)
      return true
    }
    catch (error) {
      if (!mayNot(error)) throw error
      return false
    }
  }
  // Two bootstraps of one cluster would meet on the same role rows. Who may not take the lock may not do the rest either.
  const isLocked = await tried([`SELECT pg_advisory_lock(${LOCK})`])
  try {
    if (!hasRoles && !await tried(roles)) {
      throw new BootstrapError(`${here!.deployer} may not create the roles; run the SQL below as an administrator, then deploy`, script([...roles, ...rest]))
    }
    if (!wasProtected) await tried(rest)
  }
  finally {
    if (isLocked) await client.query(`SELECT pg_advisory_unlock(${LOCK})`)
  }
  // Where PostgreSQL takes nothing away it only warns.
  return await isDone(client, IS_PROTECTED) ? '' : script(rest)
}
