import { z } from 'zod'
import { answer, count, time } from './page.ts'

export const backupsQuery = z.strictObject({})

/** What was looked at in the restored database. */
const backupCheck = z.object({ name: z.string(), ok: z.boolean(), detail: z.string() })

/** A backup that was tried: restored into a scratch database, and examined there. */
export const backup = z.object({
  backupId: count,
  fileName: z.string(),
  folder: z.string(),
  host: z.string(),
  kind: z.enum(['pg_dump', 'copy']),
  unitTag: z.string().describe('the newest unit of the schema in it'),
  fileBytes: count,
  fileDigest: z.string().describe('SHA-256 over the whole file, in hex'),
  rowCount: count,
  takenAt: time.describe('the time of its snapshot: what was written later is not in it'),
  checkedAt: time,
  checkedBy: z.string(),
  restorable: z.boolean().describe('it was restored, and every check held'),
  failed: z.array(backupCheck).describe('the checks that did not hold'),
  writtenSince: z.boolean().describe('an event or a run is newer than it'),
  isFresh: z.boolean().describe('nothing was written since, or it is at most an hour old'),
})
export type Backup = z.output<typeof backup>

export const backupsAnswer = z.object({
  ...answer,
  newest: z.array(backup).describe('the ten that were tried last, newest first'),
  lastRestorable: backup.nullable().describe('the newest snapshot that can be restored, however long ago it was tried'),
})
export type Backups = z.output<typeof backupsAnswer>
