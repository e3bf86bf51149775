import type { Client, PoolClient } from 'pg'
import { faultOf } from '../db/faults.ts'

/** Roles of the cluster. They are not in a dump, and no unit makes or drops one. */
const ROLES = {
  iu_owner: 'NOLOGIN',
  iu_reader: 'NOLOGIN',
  iu_console: 'LOGIN',
  iu_emitter: 'NOLOGIN',
  iu_worker: 'NOLOGIN',
  iu_operator: 'NOLOGIN',
  iu_approver: 'NOLOGIN',
} as const

/** `iu_console` has no password until it is given one, so LOGIN alone lets nobody in under SCRAM. */
const createRole = (role: string, login: string) => `DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '${role}') THEN
    CREATE ROLE ${role} ${login} NOSUPERUSER NOCREATEDB NOCREATEROLE;
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;  -- another bootstrap was quicker
END $$`

/**
 * The statements that prepare a cluster and the connected database for the first unit, in order.
 * Each may be run again.
 */
export function bootstrapStatements(database: string, deployer: string): string[] {
  const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`
  return [
    ...Object.entries(ROLES).map(([role, login]) => createRole(role, login)),
    'GRANT iu_reader TO iu_console, iu_operator, iu_approver',
    `GRANT iu_owner TO ${quoted(deployer)}`,
    `GRANT CONNECT, CREATE ON DATABASE ${quoted(database)} TO iu_owner`,
    `GRANT CONNECT ON DATABASE ${quoted(database)} TO iu_reader, iu_console, iu_emitter, iu_worker`,
    // Worker health names the transaction that holds events back; without this it cannot see it.
    'GRANT pg_read_all_stats TO iu_owner',
  ]
}

/** Whether an administrator, or an earlier run, has seen to all of it: a login without the rights may then go on. */
const IS_DONE = `SELECT count(*) = ${Object.keys(ROLES).length}
  AND coalesce(bool_and(rolname NOT IN ('iu_console', 'iu_operator', 'iu_approver') OR pg_has_role(oid, 'iu_reader', 'MEMBER')), false)
  AND coalesce(bool_and(rolname <> 'iu_owner' OR (pg_has_role(session_user, oid, 'MEMBER') AND pg_has_role(oid, 'pg_read_all_stats', 'MEMBER')
    AND has_database_privilege(oid, current_database(), 'CONNECT') AND has_database_privilege(oid, current_database(), 'CREATE'))), false)
  AND coalesce(bool_and(has_database_privilege(oid, current_database(), 'CONNECT')), false) AS done
FROM pg_roles WHERE rolname IN (${Object.keys(ROLES).map(role => `'${role}'`).join(', ')})`

export class BootstrapError extends Error {
  /** what an administrator has to run; empty when that would not help */
  readonly sql: string

  constructor(message: string, sql: string) {
    super(message)
    this.sql = sql
  }
}

/**
 * Makes the roles and grants on the connected database.
 * @throws {BootstrapError} with the whole SQL for an administrator when the login lacks the rights.
 */
export async function bootstrap(client: Client | PoolClient): Promise<void> {
  const { rows: [here] } = await client.query<{ database: string, deployer: string, encoding: string }>(
    `SELECT current_database() AS database, session_user AS deployer, current_setting('server_encoding') AS encoding`)
  if (here!.encoding !== 'UTF8') {
    throw new BootstrapError(`database ${here!.database} has encoding ${here!.encoding}; text is kept byte for byte only in UTF8`, '')
  }
  const { rows: [state] } = await client.query<{ done: boolean }>(IS_DONE)
  if (state!.done) return
  const statements = bootstrapStatements(here!.database, here!.deployer)
  // Two bootstraps of one cluster would meet on the same role rows.
  await client.query(`SELECT pg_advisory_lock(hashtext('iu_core bootstrap'))`)
  try {
    for (const statement of statements) await client.query(statement)
  }
  catch (error) {
    if (faultOf(error as Error) !== 'denied') throw error
    throw new BootstrapError(`${here!.deployer} may not create the roles; run the SQL below as an administrator, then deploy`,
      statements.map(statement => `${statement};`).join('\n'))
  }
  finally {
    await client.query(`SELECT pg_advisory_unlock(hashtext('iu_core bootstrap'))`)
  }
}
