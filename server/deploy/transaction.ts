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

/** One deployer at a time; the lock ends with the connection, whatever happens. */
export async function alone<T>(client: Connection, work: () => Promise<T>): Promise<T> {
  await client.query(`SELECT pg_advisory_lock(${DEPLOY_LOCK})`)
  try {
    return await work()
  }
  finally {
    await client.query(`SELECT pg_advisory_unlock(${DEPLOY_LOCK})`)
  }
}
