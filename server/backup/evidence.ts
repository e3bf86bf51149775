import { hostname } from 'node:os'
import { basename, dirname } from 'node:path'
import type { Client } from 'pg'
import { inTransaction } from '../deploy/transaction.ts'
import type { Check } from './examine.ts'
import { type Backup, rowsIn } from './manifest.ts'

/** Puts a backup on record with what came of restoring it. @returns undefined where the schema has no place for it yet */
export async function recordBackup(client: Client, backup: Backup, checks: Check[]): Promise<{ id: number, isRestorable: boolean } | undefined> {
  return inTransaction(client, async () => {
    const { rows: [there] } = await client.query<{ yes: boolean }>(`SELECT to_regprocedure('iu_core.fn_dot_backup_record(jsonb,jsonb)') IS NOT NULL AS yes`)
    if (!there!.yes) return undefined
    const { path, of, bytes, digest } = backup
    const { rows: [row] } = await client.query<{ id: number, isRestorable: boolean }>('SELECT backup_id::float8 AS id, restorable AS "isRestorable" FROM iu_core.fn_dot_backup_record($1, $2)', [{
      file_name: basename(path), folder: dirname(path), host: hostname(), kind: of.kind, unit_tag: of.tag, server_version: of.server, file_bytes: bytes, file_digest: digest,
      entries: of.entries, row_count: rowsIn(of), taken_at: of.takenAt, last_event: of.lastEvent, last_run: of.lastRun,
    }, JSON.stringify(checks)])
    return row!
  })
}
