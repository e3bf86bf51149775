import type { Client, PoolClient } from 'pg'

export type Connection = Client | PoolClient

/** Runs `work` as iu_owner in one transaction; with ROLLBACK it is only tried, and nothing of it stays. */
export async function inTransaction<T>(client: Connection, work: () => Promise<T>, end: 'COMMIT' | 'ROLLBACK' = 'COMMIT'): Promise<T> {
  await client.query('BEGIN')
  try {
    // What a literal means must not depend on how somebody has set this role or database.
    await client.query('SET LOCAL ROLE iu_owner; SET LOCAL standard_conforming_strings = on')
    const result = await work()
    await client.query(end)
    return result
  }
  catch (error) {
    await client.query('ROLLBACK')
    throw error
  }
}

/** What a deployer holds while it works; whoever wants to know whether one does asks for the same. */
export const DEPLOY_LOCK = `hashtext('iu_core deploy')`

/** Who has the deploy lock, in words; undefined where nobody has. */
export async function whoDeploys(client: Connection): Promise<string | undefined> {
  const { rows: [row] } = await client.query<{ who: string | null }>(`
    SELECT string_agg(format('%s (process %s, %s, connected since %s)', a.usename, a.pid, coalesce(nullif(a.application_name, ''), 'no name'), a.backend_start::timestamp(0)), ', ') AS who
    FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND (l.classid::bigint << 32 | l.objid::bigint) = ${DEPLOY_LOCK} AND l.pid <> pg_backend_pid()`)
  return row!.who ?? undefined
}

/** How long one waits for another deployer. */
const PATIENCE = '60s'

/** Somebody else has the deploy lock, and does not give it back. */
export class DeployLocked extends Error {}

/** One deployer at a time; the lock ends with the connection, whatever happens. @throws {DeployLocked} where another keeps it */
export async function alone<T>(client: Connection, work: () => Promise<T>): Promise<T> {
  try {
    // In one message, so in one transaction: the limit is gone after it, the lock is the session's.
    await client.query(`SET LOCAL lock_timeout = '${PATIENCE}'; SELECT pg_advisory_lock(${DEPLOY_LOCK})`)
  }
  catch (error) {
    if ((error as { code?: string }).code !== '55P03') throw error
    throw new DeployLocked(`another deploy has the lock: ${await whoDeploys(client) ?? 'it has just ended'}; wait until it has ended, or end that process`, { cause: error })
  }
  try {
    return await work()
  }
  finally {
    await client.query(`SELECT pg_advisory_unlock(${DEPLOY_LOCK})`)
  }
}
