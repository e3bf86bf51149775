import { sql } from 'drizzle-orm'
import { collectionManifest } from '../../../drizzle/schema/collections.ts'
import type { Snapshot } from '../client.ts'

/** Succeeds when the database answers and has the views that the pages need; raises its error when not. */
export async function readReadiness(db: Snapshot): Promise<{ status: 'ready' }> {
  await db.select({ one: sql`1` }).from(collectionManifest).limit(1)
  return { status: 'ready' }
}
