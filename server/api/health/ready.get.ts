import { z } from 'zod'
import { sql } from 'drizzle-orm'
import { collectionManifest } from '~~/drizzle/schema/collections.ts'

/** The database answers and has the views that the pages need. */
export default defineRead(z.strictObject({}), async (db) => {
  await db.select({ one: sql`1` }).from(collectionManifest).limit(1)
  return { status: 'ready' }
})
