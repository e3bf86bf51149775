import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { contractOf } from '../../../server/deploy/contract.ts'
import { readUnits } from '../../../server/deploy/units.ts'
import { beatConsole, leaveConsole } from '../../../server/db/functions/console.ts'
import { testDatabase, type TestDatabase } from '../harness.ts'
import { setGate } from '../world.ts'
import { importText, layers, render } from './world.ts'

const CONTRACT = contractOf(readUnits(join(import.meta.dirname, '../../../drizzle')))

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

it('five layers are told, of which only the database is there at first', async () => {
  const all = await layers(db.pool)
  expect(Object.values(all).map(({ code, state }) => [code, state])).toEqual([
    ['database', 'in_step'], ['directus', 'not_connected'], ['console', 'not_connected'], ['knowledge_base', 'not_connected'], ['vector_index', 'not_connected']])
  const { rows: [compared] } = await db.pool.query<{ digest: string, expected: number }>('SELECT digest, expected FROM iu_core.v_dot_comparison')
  expect(all.database).toMatchObject({ saw: CONTRACT.unit, digest: compared!.digest, seen: true, behind: 0, detail: `all of ${compared!.expected} objects are as deployed: drift 0` })
})

it('the database is behind by as many objects as have drifted, though all that is checked works', async () => {
  await db.as('iu_deployer', async (client) => {
    const { digest } = (await layers(client)).database!
    await client.query('BEGIN')
    await client.query('ALTER FUNCTION iu_core.fn_iu_slug(text) COST 7; CREATE VIEW iu_core.v_extra AS SELECT 1 AS one')
    expect((await client.query('SELECT FROM iu_core.v_iu_works WHERE NOT ok')).rowCount).toBe(0)
    const drifted = (await layers(client)).database!
    expect(drifted).toMatchObject({ state: 'behind', behind: 2, detail: 'drift 2, the first: function fn_iu_slug(text) is changed', seen: true })
    expect(drifted.digest).toMatch(/^[0-9a-f]{64}$/)
    expect(drifted.digest).not.toBe(digest)
    // A gate is gone: that is both, drift and a check that does not hold.
    await client.query('DELETE FROM iu_core.dot_config WHERE key = \'iu_core.autocut_enabled\'')
    expect((await layers(client)).database).toMatchObject({ state: 'behind', behind: 3 })
    await client.query('ROLLBACK')
    expect((await layers(client)).database).toMatchObject({ state: 'in_step', behind: 0, digest })
  })
})

it('the database is unknown where it cannot be compared, and never in step', async () => {
  await db.as('iu_deployer', async (client) => {
    await client.query('BEGIN')
    await client.query('DELETE FROM iu_core.dot_inventory')
    expect((await layers(client)).database).toMatchObject({ state: 'unknown', behind: null, digest: null, detail: expect.stringMatching(/^The inventory is empty\. /) as string })
    await client.query('ROLLBACK')
    await client.query('BEGIN')
    await client.query(`UPDATE iu_core.dot_inventory SET definition = definition || ' ' WHERE class = 'table' AND identity = 'dot_config'`)
    expect((await layers(client)).database).toMatchObject({ state: 'unknown', behind: null, detail: expect.stringMatching(/^1 of \d+ objects cannot be compared\.$/) as string })
    await client.query('ROLLBACK')
  })
})

it('a console says of each process whether it was built for what is deployed', async () => {
  const console = await db.login('iu_console')
  const ids = [randomUUID(), randomUUID()]
  await beatConsole(console, { id: ids[0]!, host: 'here', pid: 1, contract: CONTRACT })
  await beatConsole(console, { id: ids[1]!, host: 'here', pid: 2, contract: { unit: CONTRACT.unit, digest: '0'.repeat(64) } })
  const { rows } = await console.query<{ pid: number, is_in_step: boolean }>('SELECT pid, is_in_step FROM iu_core.v_iu_console_process WHERE process_id = ANY ($1) ORDER BY pid', [ids])
  expect(rows).toEqual([{ pid: 1, is_in_step: true }, { pid: 2, is_in_step: false }])
  for (const id of ids) await leaveConsole(console, id)
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

it('the knowledge base is behind while its files are not the collections as they are now, and counts what was never rendered', async () => {
  const base = async () => (await layers(db.pool)).knowledge_base!
  const { rows: [exporter] } = await db.pool.query<{ id: number }>(`SELECT iu_core.fn_iu_export_begin('here', '/srv/knowledge') AS id`)
  for (const gate of ['composer_enabled', 'autocut_enabled']) await setGate(db.pool, gate, true)
  const address = await importText(db, 'kb.md', '# KB\n\none\n')
  const put = () => db.pool.query(`
    WITH c AS (SELECT * FROM iu_core.iu_collection WHERE canonical_address = $2), said AS MATERIALIZED (SELECT iu_core.fn_iu_export_intend($1, c.id, ARRAY[c.render_digest]) FROM c)
    SELECT count(*) FROM said`, [exporter!.id, address]).then(() => db.pool.query(`
    SELECT iu_core.fn_iu_export_record($1, c.id, coalesce(c.rendered_event_id, 0), c.render_revision, c.render_digest, c.manifest_digest, c.byte_length) FROM iu_core.iu_collection AS c WHERE c.canonical_address = $2`, [exporter!.id, address]))
  await put()
  expect(await base()).toMatchObject({ state: 'in_step', behind: 0, detail: expect.stringContaining('every collection is in its files as it is now') as string })
  await db.pool.query(`SELECT iu_core.fn_iu_collection_touch(id, 0, 0) FROM iu_core.iu_collection WHERE canonical_address = $1`, [address])
  expect(await base()).toMatchObject({ state: 'behind', behind: 1, detail: expect.stringContaining('1 changed since it was rendered') as string })
  await render(db.pool, address)
  expect(await base()).toMatchObject({ state: 'behind', behind: 1, detail: expect.stringContaining('1 rendering is not in its files') as string })
  await put()
  expect(await base()).toMatchObject({ state: 'in_step' })
  await db.pool.query(`INSERT INTO iu_core.iu_collection (canonical_address, collection_kind, title) VALUES ('never', 'file', 'Never')`)
  expect(await base()).toMatchObject({ state: 'behind', behind: 1, detail: expect.stringContaining('1 never rendered') as string })
})
