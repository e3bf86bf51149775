import { createHash } from 'node:crypto'
import type { Pool } from 'pg'

/** The file of routed and audited events from `first` to `last`, as it would be recorded, with its content. */
export async function archiveOf(db: Pick<Pool, 'query'>, first: number, last: number): Promise<{ record: Record<string, unknown>, content: string }> {
  const { rows: [batch] } = await db.query<{ at: string, content: string }>(
    'SELECT to_json(at) #>> \'{}\' AS at, content FROM (SELECT clock_timestamp() AS at) AS t, iu_core.fn_iu_archive_content(at, $1, $2, 10)', [first - 1, last])
  const sha256 = createHash('sha256').update(batch!.content).digest('hex')
  return { record: { file: `events-${first}-${last}.ndjson.gz`, file_sha256: sha256, file_bytes: 100, content_sha256: sha256, older_than: batch!.at, first_event: first, last_event: last }, content: batch!.content }
}
