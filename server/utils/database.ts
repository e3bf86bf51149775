import type pg from 'pg'
import { openPool } from '../db/client.ts'
import { DatabaseAway } from '../db/faults.ts'

/** Downloads have few connections of their own: slow readers cannot take those of the pages. */
const SIZES = { pages: 10, downloads: 3 }
const pools = new Map<keyof typeof SIZES, pg.Pool>()

/** A pool of the console, opened at its first use so that the server starts, and says so, without a database. */
export function consolePool(use: keyof typeof SIZES = 'pages'): pg.Pool {
  const { databaseUrl } = useRuntimeConfig()
  if (!databaseUrl) throw new DatabaseAway('NUXT_DATABASE_URL is not set')
  const pool = pools.get(use) ?? openPool(databaseUrl, SIZES[use])
  pools.set(use, pool)
  return pool
}

export async function closePools(): Promise<void> {
  const closing = [...pools.values()]
  pools.clear()
  await Promise.all(closing.map(pool => pool.end()))
}
