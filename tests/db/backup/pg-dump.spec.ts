import { chmodSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { requireTool } from '../../../server/backup/pg-tools.ts'
import { restoreBackup, serverVersion } from '../../../server/backup/restore.ts'
import { takeBackup } from '../../../server/backup/take.ts'
import { UNITS } from '../deploy/world.ts'
import { testDatabase, type TestDatabase } from '../harness.ts'
import { drain, emit, expectWhole } from '../world.ts'
import { contents, emptyDatabase, fill, folder } from './world.ts'

let db: TestDatabase
let client: pg.Client
beforeAll(async () => {
  db = await testDatabase()
  client = await db.connect()
  await fill(db.pool)
})
afterAll(() => db.drop())

describe('with pg_dump', () => {
  const dump = (to: string) => takeBackup(client, { folder: to, kind: 'pg_dump', units: UNITS })
  const { PATH } = process.env
  /** Runs `work` with nothing on PATH but the given programs, which say what they are told to. */
  async function withPath(programs: Record<string, string>, work: () => Promise<unknown>): Promise<void> {
    const bin = folder()
    for (const [name, says] of Object.entries(programs)) {
      writeFileSync(join(bin, name), `#!/bin/sh\necho '${says}'\n`)
      chmodSync(join(bin, name), 0o700)
    }
    process.env.PATH = bin
    await work().finally(() => {
      process.env.PATH = PATH
    })
  }

  it('that is missing or older than the server, the backup is refused before anything is written', async () => {
    const to = join(folder(), 'none')
    await withPath({}, () => expect(dump(to)).rejects.toThrow(/^pg_dump is not on PATH: install the client of PostgreSQL 1[58] and put it first on PATH$/))
    await withPath({ pg_dump: 'pg_dump (PostgreSQL) 14.9 (Debian 14.9-1)' }, () => expect(dump(to)).rejects.toThrow(/^pg_dump is of PostgreSQL 14\.9, the server is 1[58]\.\d+: an older client cannot read it/))
    await withPath({ pg_dump: 'pg_dump (PostgreSQL) 19beta1' }, () => expect(dump(to)).rejects.toThrow('pg_restore is not on PATH'))
    expect(() => statSync(to)).toThrow('ENOENT')
  })

  it('of the server\'s version it is dumped, restored and found whole; of none such, refused', async () => {
    const v = await serverVersion(client)
    const isThere = await Promise.all([requireTool('pg_dump', v), requireTool('pg_restore', v)]).then(() => true, () => false)
    const to = folder()
    if (!isThere) return expect(dump(to)).rejects.toThrow(/^pg_(dump|restore) is /)
    const tried = await dump(to)
    expect(tried.checks.map(({ name, ok, detail }) => ok ? name : detail)).toEqual(['restored', 'rows', 'units', 'conformance', 'accounting'])
    expect(tried.backup.of.entries).toBeGreaterThan(400)
    const other = await emptyDatabase()
    const into = await other.connect()
    await restoreBackup(into, tried.backup.path, UNITS)
    const except = ['iu_backup_evidence', 'dot_iu_history_unsealed', 'dot_iu_history_unsealed_id_seq']
    expect(await contents(other.pool, except)).toEqual(await contents(db.pool, except))
    await emit(other.pool, 'after')
    await drain(other.pool)
    await expectWhole(other.pool)
  })
})
