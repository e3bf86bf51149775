import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readBackup } from '../../../server/backup/manifest.ts'
import { restoreBackup } from '../../../server/backup/restore.ts'
import { tryBackup } from '../../../server/backup/take.ts'
import { deployUnits } from '../../../server/deploy/index.ts'
import { NEWEST, unit, UNITS } from '../deploy/world.ts'
import { testDatabase, type TestDatabase } from '../harness.ts'
import { emptyDatabase, fill, folder, write } from './world.ts'

let db: TestDatabase
let client: pg.Client
beforeAll(async () => {
  db = await testDatabase()
  client = await db.connect()
  await fill(db.pool)
})
afterAll(() => db.drop())

const onRecord = async () => (await db.pool.query<{ restorable: boolean }>('SELECT * FROM iu_core.v_iu_backup_evidence ORDER BY backup_id')).rows

describe('a file is refused, as evidence and by restore', () => {
  it('where one byte of it is changed, wherever that is', async () => {
    const backup = await readBackup(await write(client))
    const before = await onRecord()
    const other = await emptyDatabase()
    const into = await other.connect()
    const changed = join(folder(), 'changed.tar')
    const whole = readFileSync(backup.path)
    // A byte of each part (headers, data, padding, manifest, seal, end), and some at even distances.
    const places = [0, 130, 200, 511, 512, 521, 600, 512 + backup.size - 1, 512 + backup.size, whole.length - 2048, whole.length - 1500, whole.length - 1, ...Array.from({ length: 20 }, (_, n) => Math.floor(whole.length * n / 20))]
    for (const place of places) {
      const bytes = Buffer.from(whole)
      bytes[place]! ^= 1
      writeFileSync(changed, bytes)
      await expect(readBackup(changed), `byte ${place}`).rejects.toThrow('is damaged, or no backup: its SHA-256 is not')
    }
    await expect(tryBackup(client, changed, UNITS)).rejects.toThrow('is damaged')
    await expect(restoreBackup(into, changed, UNITS)).rejects.toThrow('is damaged')
    expect(await onRecord()).toEqual(before)
  })

  it('where it is cut short, is something else, or is not there', async () => {
    const backup = await readBackup(await write(client))
    const cut = join(folder(), 'cut.tar')
    for (const size of [0, 511, 4096, backup.bytes - 512, backup.bytes - 1]) {
      copyFileSync(backup.path, cut)
      truncateSync(cut, size)
      await expect(readBackup(cut)).rejects.toThrow('is damaged')
    }
    writeFileSync(cut, 'x'.repeat(10_240))
    await expect(readBackup(cut)).rejects.toThrow('is damaged')
    await expect(readBackup(join(cut, 'none'))).rejects.toThrow('ENOTDIR')
  })
})

describe('a restore is refused, with the reason, and changes nothing', () => {
  it('of a newer schema, of another line of units, or of a unit that is another here', async () => {
    const newer = unit('newer')
    const { rows: [before] } = await client.query('SELECT count(*) FROM iu_deploy.applied_unit')
    await deployUnits(client, [...UNITS, newer])
    const path = await write(client, [...UNITS, newer])
    const other = await emptyDatabase()
    const into = await other.connect()
    await expect(restoreBackup(into, path, UNITS)).rejects.toThrow(`the backup is of a newer schema (${newer.tag}) than this checkout has (${NEWEST})`)
    await expect(restoreBackup(into, path, [...UNITS, unit('other')])).rejects.toThrow(`the backup has unit ${newer.tag} where this checkout has ${unit('other').tag}`)
    await expect(restoreBackup(into, path, [...UNITS, { ...newer, hash: 'x' }])).rejects.toThrow(`unit ${newer.tag} is not in this checkout as it was applied`)
    expect((await into.query(`SELECT FROM pg_namespace WHERE nspname LIKE 'iu\\_%'`)).rowCount).toBe(0)
    await client.query('DELETE FROM iu_deploy.applied_unit WHERE tag = $1', [newer.tag])
    expect((await client.query('SELECT count(*) FROM iu_deploy.applied_unit')).rows).toEqual([before])
  })

  it('into a database that is not empty', async () => {
    const path = await write(client)
    await expect(restoreBackup(client, path, UNITS)).rejects.toThrow('this database is not empty: there is schema iu_core, schema iu_deploy, ')
    const other = await emptyDatabase()
    const into = await other.connect()
    await into.query('CREATE TABLE public.mine ()')
    await expect(restoreBackup(into, path, UNITS)).rejects.toThrow('not empty: there is relation mine; make an empty one')
    expect((await into.query(`SELECT FROM pg_namespace WHERE nspname LIKE 'iu\\_%'`)).rowCount).toBe(0)
  })

  it('by a login that may not load rows as they were, which leaves the database empty', async () => {
    const path = await write(client)
    const other = await emptyDatabase()
    const into = await other.connect('iu_owner')
    await expect(restoreBackup(into, path, UNITS)).rejects.toMatchObject({ code: '42501' })
    expect((await into.query(`SELECT FROM pg_namespace WHERE nspname LIKE 'iu\\_%'`)).rowCount).toBe(0)
  })
})
