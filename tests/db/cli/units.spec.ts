/** `iu db`: what trying and refusing look like to whoever types it, or reads it by program. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { writeBackup } from '../../../server/backup/take.ts'
import { UNITS } from '../deploy/world.ts'
import { testDatabase, type TestDatabase } from '../harness.ts'

const IU = join(import.meta.dirname, '../../../server/cli/iu.ts')

let db: TestDatabase
let empty: TestDatabase
const folder = mkdtempSync(join(tmpdir(), 'iu-backup-'))
beforeAll(async () => {
  [db, empty] = [await testDatabase(), await testDatabase({ deployed: false })]
})
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await Promise.all([db.drop(), empty.drop()])
})

/** Runs `iu` on a database; all that it said, and its exit status. */
function iu(on: TestDatabase, ...args: string[]): Promise<{ status: number, out: string, all: string }> {
  return new Promise(resolve => execFile(process.execPath, [IU, 'db', ...args], { env: { ...process.env, DATABASE_URL: on.url } }, (error, out, said) =>
    resolve({ status: error ? Number(error.code) : 0, out, all: out + said })))
}

it('a plan with nothing to do says so; a rollback that would be refused says why, with status 3', async () => {
  const [deploy, undo, json] = await Promise.all([iu(db, 'deploy', '--plan'), iu(db, 'rollback', '--to', UNITS.at(-2)!.tag, '--plan'), iu(db, 'deploy', '--json')])
  expect([deploy.status, deploy.out]).toEqual([0, 'nothing to be deployed\n'])
  expect([undo.status, undo.out]).toEqual([0, expect.stringMatching(/^✓ \d{4}_\w+: \d+ objects?\n( {2}[+~-] .+\n)*1 unit would be undone; nothing was changed\n$/)])
  expect([json.status, JSON.parse(json.out)]).toEqual([0, { deployed: [], gates: [] }])
  await db.pool.query(`SELECT iu_core.fn_iu_gate_set('iu_core.composer_enabled', true, 'a test')`)
  await db.pool.query(`SELECT iu_core.fn_iu_create('a/b', 'paragraph', 'Text', 'Title', NULL)`)
  const refused = await iu(db, 'rollback', '--to', 'nothing', '--plan', '--json')
  expect(refused.status).toBe(3)
  expect(JSON.parse(refused.out)).toMatchObject({ destroys: expect.arrayContaining([{ tag: '0002_units', table: 'information_unit', rows: 1 }]) as unknown })
})

it.each([['deploy', 'this checkout has no such unit'], ['rollback', 'not an applied unit']])('a %s to a unit that there is not is refused', async (command, why) => {
  const refused = await iu(db, command, '--to', 'nowhere')
  expect([refused.status, refused.all]).toEqual([3, expect.stringContaining(`--to nowhere: ${why}`)])
})

it('a restore comes to an empty database alone, and no password is said', async () => {
  const client = await db.connect()
  const file = await writeBackup(client, { folder, kind: 'copy', units: UNITS })
  const [refused, json] = await Promise.all([iu(db, 'restore', file), iu(db, 'restore', file, '--json')])
  expect([refused.status, refused.all]).toEqual([3, expect.stringMatching(/^iu: this database is not empty: there is schema iu_core/)])
  expect([json.status, JSON.parse(json.out)]).toEqual([3, { error: expect.objectContaining({ message: expect.stringContaining('not empty') as string }) as unknown }])
  const restored = await iu(empty, 'restore', file)
  expect(restored.out).toMatch(/^✓ restored: .+\n✓ rows: .+\n✓ units: .+\n[✓✗] conformance: .+\n✓ accounting: 1 events, unexplained 0\nrestored \d+ rows as of .+, at \d{4}_\w+\n$/)
  const { password } = new URL(db.url)
  for (const { all } of [refused, json, restored]) expect(all.includes(password)).toBe(false)
})
