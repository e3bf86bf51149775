/** What the specs of backups share: a folder, a database with something in it, and what is in a database. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type pg from 'pg'
import { onTestFinished } from 'vitest'
import { takeBackup, type Tried, writeBackup } from '../../../server/backup/take.ts'
import { UNITS } from '../deploy/world.ts'
import { testDatabase, type TestDatabase } from '../harness.ts'
import { audit, drain, emit, furnish, type Queryable } from '../world.ts'

const made: string[] = []
process.once('exit', () => made.forEach(path => rmSync(path, { recursive: true, force: true })))

/** A folder that goes with the spec file. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'iu-backup-'))
  made.push(path)
  return path
}

export async function emptyDatabase(): Promise<TestDatabase> {
  const db = await testDatabase({ deployed: false })
  onTestFinished(() => db.drop())
  return db
}

/** Units with texts that COPY must escape, events of every fate, one of them not routed yet. */
export async function fill(db: Queryable): Promise<void> {
  await furnish(db)
  await db.query(`SELECT iu_core.fn_dot_inventory_register('a test', NULL)`)
  for (const [index, body] of ['plain', 'tab\there', 'line\nand \\. back\\slash', '\\.\n', 'ünïcode 🌍', ''].entries()) {
    await db.query(`SELECT iu_core.fn_iu_create($1, 'paragraph', $2, $3, NULL)`, [`a/b${index}`, body, `Title ${index}`])
  }
  for (const type of ['app.plain', 'app.twice', 'app.disabled', 'app.strict', 'app.unwanted']) await emit(db, type, {}, type)
  await drain(db)
  await audit(db)
  await emit(db, 'left')
}

export const take = (client: pg.Client, to: string, units = UNITS): Promise<Tried> => takeBackup(client, { folder: to, kind: 'copy', units })

/** Every row of every table, and every sequence: equal where the databases are. */
export async function contents(db: Queryable, except: string[] = []): Promise<Record<string, string>> {
  const { rows: tables } = await db.query<{ name: string }>(`SELECT c.relname AS name FROM pg_class AS c WHERE c.relnamespace = 'iu_core'::regnamespace AND c.relkind = 'r' ORDER BY 1`)
  const found: Record<string, string> = {}
  for (const { name } of tables.filter(table => !except.includes(table.name))) {
    found[name] = (await db.query<{ d: string }>(`SELECT count(*) || ' ' || coalesce(md5(string_agg(md5(t::text), '' ORDER BY md5(t::text) COLLATE "C")), '') AS d FROM iu_core.${name} AS t`)).rows[0]!.d
  }
  const { rows: sequences } = await db.query<{ name: string, value: string }>(`SELECT sequencename AS name, coalesce(last_value, 0)::text AS value FROM pg_sequences WHERE schemaname = 'iu_core'`)
  for (const { name, value } of sequences.filter(sequence => !except.some(table => sequence.name.startsWith(table)))) found[name] = value
  return found
}

/** A backup's file that nobody has tried. */
export const write = (client: pg.Client, units = UNITS): Promise<string> => writeBackup(client, { folder: folder(), kind: 'copy', units })
