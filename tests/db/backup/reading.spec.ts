/** What the console tells of backups. */
import { drizzle } from 'drizzle-orm/node-postgres'
import type pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readBackups } from '../../../server/db/queries/backups.ts'
import type { Snapshot } from '../../../server/db/client.ts'
import { testDatabase, type TestDatabase } from '../harness.ts'
import { emit } from '../world.ts'
import { fill, folder, take } from './world.ts'

let db: TestDatabase
let client: pg.Client
let console: Snapshot
beforeAll(async () => {
  db = await testDatabase()
  client = await db.connect()
  await fill(db.pool)
  console = drizzle(await db.login('iu_console')) as unknown as Snapshot
})
afterAll(() => db.drop())

it('none was tried; one that was is told with its size and age; one that cannot be restored says why, and the newest that can is told beside it', async () => {
  expect(await readBackups(console)).toEqual({ newest: [], lastRestorable: null })

  const whole = await take(client, folder())
  const first = await readBackups(console)
  expect(first.newest).toEqual([expect.objectContaining({ fileBytes: whole.backup.bytes, fileDigest: whole.backup.digest, kind: 'copy', unitTag: whole.backup.of.tag, restorable: true, failed: [], writtenSince: false, isFresh: true })])
  expect(first.lastRestorable).toEqual(first.newest[0])

  await emit(db.pool, 'later')
  expect((await readBackups(console)).lastRestorable).toMatchObject({ writtenSince: true, isFresh: true })

  const checks = ['restored', 'rows', 'units', 'conformance', 'accounting'].map(name => ({ name, ok: name !== 'rows', detail: name === 'rows' ? 'one is missing' : '' }))
  for (let i = 0; i < 11; i++) {
    await client.query(`SELECT iu_core.fn_dot_backup_record(to_jsonb(e) || jsonb_build_object('file_name', 'broken-' || $2::text), $1) FROM iu_core.v_iu_backup_evidence AS e WHERE e.restorable`, [JSON.stringify(checks), i])
  }
  const { newest, lastRestorable } = await readBackups(console)
  expect(newest.map(({ fileName, restorable }) => [fileName, restorable])).toEqual(Array.from({ length: 10 }, (_, i) => [`broken-${10 - i}`, false]))
  expect(newest[0]!.failed).toEqual([{ name: 'rows', ok: false, detail: 'one is missing' }])
  expect(lastRestorable).toMatchObject({ fileDigest: whole.backup.digest, restorable: true })
})
