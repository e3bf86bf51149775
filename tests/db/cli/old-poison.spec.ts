/** What an older database may have in it, and nothing takes any more: all that reads whole tables says what it has to say, and ends. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { take } from '../backup/world.ts'
import { testDatabase, type TestDatabase } from '../harness.ts'
import { audit, emit, furnish, pass } from '../world.ts'

const IU = join(import.meta.dirname, '../../../server/cli/iu.ts')
const FOLDER = mkdtempSync(join(tmpdir(), 'iu-old-poison-'))
const HUGE = `{"n": [${Array(10_000).fill('1e131071').join()}]}`

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
  await furnish(db.pool)
  await db.pool.query(`SELECT iu_core.fn_dot_inventory_register('a test', NULL)`)
  await emit(db.pool, 'before')
  // As an emitter wrote it before there was a bound.
  await db.pool.query(`INSERT INTO iu_core.event_outbox (event_domain, event_type, event_subject_table, event_subject_ref, payload, delivery_lane)
    VALUES ('application', 'app.strict', 't', 'poison', $1, 'delayed'), ('application', 'app.plain', 't', 'poison', $1, 'delayed')`, [HUGE])
  await emit(db.pool, 'after')
  await pass(db.pool)
  await audit(db.pool)
})
afterAll(async () => {
  await db.drop()
  rmSync(FOLDER, { recursive: true })
})

function iu(...args: string[]): Promise<{ status: number, out: string, err: string }> {
  return new Promise(resolve => execFile(process.execPath, [IU, ...args], { env: { ...process.env, DATABASE_URL: db.url } }, (error, out, err) => resolve({ status: error ? Number(error.code) : 0, out, err })))
}

it.each(['db verify', 'ledger verify', 'conformance', 'db deploy', 'worker --drain', 'probe'])('iu %s ends well', async (command) => {
  const { status, out, err } = await iu(...command.split(' '))
  expect([status, out, err].join('\n')).toMatch(/^0\n/)
})

it('a backup of it is made, and restored whole', async () => {
  const client = await db.connect()
  const { isRestorable, checks } = await take(client, FOLDER)
  expect(checks.filter(({ ok }) => !ok)).toEqual([])
  expect(isRestorable).toBe(true)
  // What was put on record of it is sealed like anything else.
  expect((await iu('ledger', 'verify')).status).toBe(0)
})
