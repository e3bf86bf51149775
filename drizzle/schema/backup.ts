import { bigint, boolean, jsonb, text } from 'drizzle-orm/pg-core'
import { instant, iuCore } from './columns.ts'

const count = (name: string) => bigint(name, { mode: 'number' }).notNull()

export const backupEvidence = iuCore.view('v_iu_backup_evidence', {
  backupId: count('backup_id'),
  fileName: text('file_name').notNull(),
  folder: text('folder').notNull(),
  host: text('host').notNull(),
  kind: text('kind', { enum: ['pg_dump', 'copy'] }).notNull(),
  unitTag: text('unit_tag').notNull(),
  fileBytes: count('file_bytes'),
  fileDigest: text('file_digest').notNull(),
  rowCount: count('row_count'),
  takenAt: instant('taken_at').notNull(),
  checks: jsonb('checks').notNull(),
  restorable: boolean('restorable').notNull(),
  checkedAt: instant('checked_at').notNull(),
  checkedBy: text('checked_by').notNull(),
  writtenSince: boolean('written_since').notNull(),
  isFresh: boolean('is_fresh').notNull(),
}).existing()
