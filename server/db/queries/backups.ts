import { desc, eq } from 'drizzle-orm'
import { backupEvidence as evidence } from '../../../drizzle/schema/backup.ts'
import type { Backup, Backups } from '../../../shared/read-models/backups.ts'
import type { Snapshot } from '../client.ts'

const MOST = 10

/** The backups that were tried last, and the newest that can be restored. */
export async function readBackups(db: Snapshot): Promise<Omit<Backups, 'asOf'>> {
  const newest = await db.select().from(evidence).orderBy(desc(evidence.backupId)).limit(MOST)
  const [restorable] = await db.select().from(evidence).where(eq(evidence.restorable, true)).orderBy(desc(evidence.takenAt), desc(evidence.backupId)).limit(1)
  return { newest: newest.map(backupOf), lastRestorable: restorable ? backupOf(restorable) : null }
}

function backupOf({ checks, ...row }: typeof evidence.$inferSelect): Backup {
  const failed = (checks as Backup['failed']).filter(({ ok }) => !ok).map(({ name, ok, detail }) => ({ name, ok, detail }))
  return { ...row, failed }
}
