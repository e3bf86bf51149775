/** `iu import` as it is typed: what it refuses, what it says about it, and the words by which somebody wants it all the same. */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { carry, openDatabase, piecesIn, rendering } from '../commands/world.ts'
import type { TestDatabase } from '../harness.ts'

const IU = join(import.meta.dirname, '../../../server/cli/iu.ts')
const TEXT = Array.from({ length: 6 }, (_, i) => `The paragraph number ${i}.\n`).join('\n')

let db: TestDatabase
let outer: string
let folder: string
beforeAll(async () => {
  db = await openDatabase()
})
afterAll(() => db.drop())
let n = 0
beforeEach(() => {
  outer = mkdtempSync(join(tmpdir(), 'iu-import-'))
  folder = join(outer, 'in')
  mkdirSync(folder)
  writeFileSync(join(folder, 'a.md'), TEXT)
  writeFileSync(join(folder, 'b.md'), TEXT)
  n++
  return () => rmSync(outer, { recursive: true })
})

function iu(...args: string[]): Promise<{ status: number, out: string, err: string }> {
  return new Promise(resolve => void execFile(process.execPath, [IU, 'import', folder, '--into', `i${n}`, ...args], { env: { ...process.env, DATABASE_URL: db.url, IU_DATA: outer } }, (error, out, err) =>
    resolve({ status: error ? Number(error.code) : 0, out, err })))
}
const text = () => rendering(db.pool, `i${n}/a.md`)

it('names what was edited here, imports the rest, and goes over the edits when it is told to', async () => {
  expect((await iu()).status).toBe(0)
  const [piece, gone] = await piecesIn(db.pool, `i${n}/a.md`)
  await carry(db.pool, 'dot_iu_revise_piece', { piece, body: 'Written in the console.' })
  await carry(db.pool, 'dot_iu_remove_piece_from_collection', { collection: `i${n}/a.md`, piece: gone })
  writeFileSync(join(folder, 'b.md'), `${TEXT}\nOne more.\n`)
  const edited = await text()

  const refused = await iu()
  expect(refused).toMatchObject({ status: 4, out: expect.stringContaining('1 updated, 0 unchanged, 1 refused') as string })
  for (const said of [`${piece} (edited)`, `${gone} (removed)`, '--over-edits']) expect(refused.err).toContain(said)
  expect(JSON.parse((await iu('--json')).out)).toMatchObject({ refused: [{ code: 'invalid_parameter', friction: ['edits'] }] })

  const plan = await iu('--plan')
  expect(plan.out).toContain('would be updated')
  for (const said of [`${piece} (edited)`, 'nothing was written']) expect(plan.out).toContain(said)
  expect(await text()).toBe(edited)

  expect(await iu('--allow-removals')).toMatchObject({ status: 4 })
  expect(await iu('--over-edits')).toMatchObject({ status: 0 })
  expect(await text()).toBe(TEXT)
  expect((await piecesIn(db.pool, `i${n}/a.md`)).slice(0, 2)).toEqual([piece, gone])
})

it('compares what may be imported once, however many sources there are', async () => {
  const client = await db.connect()
  await client.query(`BEGIN; SET LOCAL track_functions = 'all'`)
  const { rows } = await client.query<{ path: string, digest: string }>(`SELECT source_path AS path, encode(source_digest, 'hex') AS digest FROM iu_core.iu_collection WHERE source_path IS NOT NULL`)
  const paths = Array.from({ length: 500 }, (_, n) => rows[n]?.path ?? `none/${n}.md`)
  const { rowCount } = await client.query('SELECT FROM iu_core.fn_iu_import_unchanged($1, $2, NULL)', [paths, paths.map((_, n) => rows[n]?.digest ?? '0'.repeat(64))])
  expect(rowCount).toBeGreaterThan(0)
  expect((await client.query(`SELECT calls::integer AS calls FROM pg_stat_xact_user_functions WHERE funcname = 'fn_dot_command_blocked'`)).rows).toEqual([{ calls: 1 }])
  await client.query('ROLLBACK')
})

it('asks once for all that is there as it is, and writes nothing of it; who may not import is refused all the same', async () => {
  expect((await iu()).status).toBe(0)
  writeFileSync(join(folder, 'b.md'), `${TEXT}\nOne more.\n`)
  const runs = async () => Number((await db.pool.query('SELECT count(*) FROM iu_core.dot_iu_command_run')).rows[0]!.count)
  const before = await runs()
  expect((await iu()).out).toContain('1 updated, 1 unchanged')
  expect(await runs()).toBe(before + 1)
  expect((await iu()).out).toContain('2 unchanged')
  expect(await runs()).toBe(before + 1)
  await db.pool.query(`UPDATE iu_core.dot_config SET value = 'false' WHERE key = 'iu_core.composer_enabled'`)
  expect(await iu()).toMatchObject({ status: 3, err: expect.stringContaining('composer') as string })
  await db.pool.query(`UPDATE iu_core.dot_config SET value = 'true' WHERE key = 'iu_core.composer_enabled'`)
})

it('empties no document unless it is told to', async () => {
  await iu()
  writeFileSync(join(folder, 'a.md'), '')
  const refused = await iu()
  expect(refused).toMatchObject({ status: 4 })
  for (const said of ['removes 6 of the 6 pieces', 'will be empty', '--allow-removals']) expect(refused.err).toContain(said)
  expect(await text()).toBe(TEXT)
  expect(await iu('--over-edits')).toMatchObject({ status: 4 })
  expect(await iu('--allow-removals')).toMatchObject({ status: 0 })
  expect(await text()).toBe('')
})

it('reads nothing that a link leads to outside of the folder, and says which links', async () => {
  writeFileSync(join(outer, 'secret.md'), 'Secret.')
  symlinkSync('../secret.md', join(folder, 'link.md'))
  symlinkSync('..', join(folder, 'up'))
  const said = await iu()
  expect(said.status).toBe(4)
  expect(said.err.match(/leads out of/g)).toHaveLength(2)
  const { rows } = await db.pool.query('SELECT source_path FROM iu_core.iu_collection WHERE starts_with(source_path, $1) ORDER BY 1', [`i${n}/`])
  expect(rows.map(row => (row as { source_path: string }).source_path)).toEqual([`i${n}/a.md`, `i${n}/b.md`])
})
