import type { ClientBase, Pool } from 'pg'

/** The next events that may be archived, as the lines of a file. */
export interface ArchiveBatch {
  firstId: number
  lastId: number
  events: number
  attempts: number
  content: string
}

/** Raises 42501 for a login that is no approver. */
export async function readArchiveBatch(db: ClientBase, olderThan: string, afterId: number, limit: number): Promise<ArchiveBatch | undefined> {
  const { rows } = await db.query<ArchiveBatch>(
    'SELECT first_id::float8 AS "firstId", last_id::float8 AS "lastId", events::float8 AS events, attempts::float8 AS attempts, content FROM iu_core.fn_iu_archive_content($1, $2, NULL, $3)',
    [olderThan, afterId, limit])
  return rows[0]
}

export interface Forecast { verdict: string, events: number, attempts: number, oldestAt: Date, newestAt: Date }

/** What an archive of all that is older would take, and what would stay and why. */
export async function forecastArchive(db: ClientBase, olderThan: string): Promise<Forecast[]> {
  const { rows } = await db.query<Forecast>(
    'SELECT verdict, events::float8 AS events, attempts::float8 AS attempts, oldest_at AS "oldestAt", newest_at AS "newestAt" FROM iu_core.fn_iu_archive_forecast($1) ORDER BY verdict', [olderThan])
  return rows
}

export interface Archive {
  archiveId: number
  fileName: string
  fileDigest: string
  fileBytes: number
  contentDigest: string
  firstId: number
  lastId: number
  events: number
  attempts: number
  oldestAt: Date
  newestAt: Date
  madeAt: Date
  madeBy: string
  isRemoved: boolean
  movedAt: Date | null
}

/** Every archive on record, or those whose file has this name; oldest first. */
export async function listArchives(db: ClientBase, fileName?: string): Promise<Archive[]> {
  const { rows } = await db.query<Archive>(
    `SELECT archive_id::float8 AS "archiveId", file_name AS "fileName", file_digest AS "fileDigest", file_bytes::float8 AS "fileBytes", content_digest AS "contentDigest",
            first_id::float8 AS "firstId", last_id::float8 AS "lastId", events::float8 AS events, attempts::float8 AS attempts, oldest_at AS "oldestAt", newest_at AS "newestAt",
            made_at AS "madeAt", made_by AS "madeBy", is_removed AS "isRemoved", moved_at AS "movedAt"
     FROM iu_core.v_iu_archive WHERE $1::text IS NULL OR file_name = $1 ORDER BY archive_id`, [fileName ?? null])
  return rows
}

interface AuditStep { status: 'audited' | 'idle' | 'busy', audited: number }

/** Steps of iu_core.fn_iu_event_audit, each in a transaction of its own, while they count something and `more` wants them; how many events they counted. */
export async function auditEvents(db: Pool | ClientBase, more: () => boolean = () => true): Promise<number> {
  let audited = 0
  while (more()) {
    const { rows } = await db.query<AuditStep>('SELECT status, audited FROM iu_core.fn_iu_event_audit()')
    audited += rows[0]!.audited
    if (rows[0]!.audited === 0) break
  }
  return audited
}
