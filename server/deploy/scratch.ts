import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import { LIMITS, openBeside } from '../db/connection.ts'
import { bootstrap } from './bootstrap.ts'
import { readCatalogue, type CatalogueObject } from './catalogue.ts'

/**
 * Runs `work` on a scratch database beside the connected one, with the roles made and nothing else. It must be
 * PostgreSQL where this login may create databases. The scratch database is dropped whatever happens.
 */
export async function inScratch<T>(client: pg.Client | pg.PoolClient, work: (scratch: pg.Client) => Promise<T>): Promise<T> {
  const name = `iu_scratch_${randomBytes(6).toString('hex')}`
  await client.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`)
  try {
    const scratch = await openBeside(client, name, 'iu scratch', LIMITS.work)
    try {
      await bootstrap(scratch)
      return await work(scratch)
    }
    finally {
      await scratch.end()
    }
  }
  finally {
    await client.query(`DROP DATABASE ${name} WITH (FORCE)`)
  }
}

/** What the given statements build, read from a scratch database. */
export async function catalogueOf(client: pg.Client | pg.PoolClient, scripts: string[]): Promise<CatalogueObject[]> {
  if (scripts.length === 0) return []
  return inScratch(client, async (scratch) => {
    await scratch.query('SET ROLE iu_owner')
    for (const script of scripts) await scratch.query(script)
    return readCatalogue(scratch)
  })
}
