import type pg from 'pg'
import { DatabaseAway, openPool } from '../db/client.ts'

let pool: pg.Pool | undefined

/** The console's pool, opened at its first use so that the server starts, and says so, without a database. */
export function consolePool(): pg.Pool {
  const { databaseUrl } = useRuntimeConfig()
  if (!databaseUrl) throw new DatabaseAway('NUXT_DATABASE_URL is not set')
  return pool ??= openPool(databaseUrl)
}

export async function closePool(): Promise<void> {
  const closing = pool
  pool = undefined
  await closing?.end()
}
