/** Ways to do something beside a command that is under way. */
import type pg from 'pg'
import { expect } from 'vitest'
import type { TestDatabase } from '../harness.ts'

/** Runs `work` on another connection, in a transaction that is undone unless `work` commits it; whatever waits for it goes on after that. */
export async function beside<T>(db: TestDatabase, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await db.pool.connect()
  try {
    await client.query('BEGIN')
    return await work(client)
  }
  finally {
    // A connection that cannot even go back is not used again.
    await client.query('ROLLBACK').then(() => client.release(), () => client.release(true))
  }
}

/** Until so many connections of this database wait for a lock. */
export async function waiting(db: TestDatabase, connections: number): Promise<void> {
  const count = async () => Number((await db.pool.query<{ n: string }>(`SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)).rows[0]!.n)
  await expect.poll(count, { interval: 5 }).toBe(connections)
}
