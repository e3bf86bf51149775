import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { contractOf } from '../../../server/deploy/contract.ts'
import { readUnits } from '../../../server/deploy/units.ts'
import { beatConsole, leaveConsole } from '../../../server/db/functions/console.ts'
import { openDatabase } from '../world.ts'
import type { TestDatabase } from '../harness.ts'
import { layers } from './world.ts'

const CONTRACT = contractOf(readUnits(join(import.meta.dirname, '../../../drizzle')))

let db: TestDatabase
beforeAll(async () => {
  db = await openDatabase()
})
afterAll(() => db.drop())

it('five layers are told, of which only the database is there at first', async () => {
  const all = await layers(db.pool)
  expect(Object.values(all).map(({ code, state }) => [code, state])).toEqual([
    ['database', 'in_step'], ['directus', 'not_connected'], ['console', 'not_connected'], ['knowledge_base', 'not_connected'], ['vector_index', 'not_connected']])
  expect(all.database).toMatchObject({ saw: CONTRACT.unit, digest: CONTRACT.digest, seen: true, behind: 0 })
})

it('the database is behind where something of it does not work, and says what', async () => {
  await db.as('iu_deployer', async (client) => {
    await client.query('BEGIN')
    await client.query('DELETE FROM iu_core.dot_config WHERE key = \'iu_core.autocut_enabled\'')
    expect((await layers(client)).database).toMatchObject({ state: 'behind', behind: 1, detail: expect.stringMatching(/^W4 /) })
    await client.query('ROLLBACK')
  })
})

it('a console is in step that was built for what is deployed, behind for anything else, and gone when it is silent or leaves', async () => {
  const console = await db.login('iu_console')
  const [ours, older] = [CONTRACT, { unit: '0001_foundation', digest: '0'.repeat(64) }].map((contract, pid) => ({ id: randomUUID(), host: 'here', pid, contract }))
  await beatConsole(console, ours!)
  expect((await layers(console)).console).toMatchObject({ state: 'in_step', saw: CONTRACT.unit, digest: CONTRACT.digest, behind: 0, seen: true })
  await beatConsole(console, older!)
  expect((await layers(console)).console).toMatchObject({ state: 'behind', saw: '0001_foundation', digest: '0'.repeat(64), behind: 1, detail: `1 of 2 running consoles were built for another schema than ${CONTRACT.unit}` })
  await leaveConsole(console, older!.id)
  expect((await layers(console)).console).toMatchObject({ state: 'in_step' })
  // A unit more in the database, and the console that was in step is not.
  await db.pool.query('INSERT INTO iu_deploy.applied_unit (number, tag, hash) VALUES (9999, \'9999_later\', \'x\')')
  expect((await layers(console)).console).toMatchObject({ state: 'behind', detail: '1 of 1 running consoles were built for another schema than 9999_later' })
  await db.pool.query('DELETE FROM iu_deploy.applied_unit WHERE number = 9999')
  await db.pool.query('UPDATE iu_core.iu_console_process SET last_seen_at = last_seen_at - interval \'21 seconds\'')
  expect((await layers(console)).console).toMatchObject({ state: 'not_connected' })
  await beatConsole(console, ours!)
  expect((await layers(console)).console).toMatchObject({ state: 'in_step' })
})
