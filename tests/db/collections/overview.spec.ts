/** What the overview says of all collections, and of the composer's events, beside the views. */
import { drizzle } from 'drizzle-orm/node-postgres'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Snapshot } from '../../../server/db/client.ts'
import { readOverview } from '../../../server/db/queries/health.ts'
import { carry, imported, openDatabase, piecesIn } from '../commands/world.ts'
import type { TestDatabase } from '../harness.ts'
import { drain, emit, furnish, pastTriggers } from '../world.ts'

let db: TestDatabase
let console: Snapshot
beforeAll(async () => {
  db = await openDatabase()
  console = drizzle(await db.login('iu_console')) as unknown as Snapshot
})
afterAll(() => db.drop())

it('kept digests tell what was not rendered since it changed, and what is not as it was imported', async () => {
  for (const name of ['a', 'b', 'c']) await carry(db.pool, 'dot_iu_import_text', await imported(name, `# ${name}\n\nText.\n`))
  expect((await readOverview(console)).collections).toEqual({ total: 3, notRendered: 0, differing: 0 })
  await carry(db.pool, 'dot_iu_revise_piece', { piece: (await piecesIn(db.pool, 'a'))[1], body: 'Revised.' })
  await db.as('iu_deployer', client => pastTriggers(client, () => client.query(`UPDATE iu_core.iu_collection SET source_digest = sha256('x') WHERE canonical_address = 'b'`)))
  expect((await readOverview(console)).collections).toEqual({ total: 3, notRendered: 1, differing: 1 })
})

it('the composer\'s own events are told apart from the others that wait, as its view has them', async () => {
  await furnish(db.pool)
  await drain(db.pool)
  expect((await readOverview(console)).composerBacklog).toEqual({ pending: 0, types: 0, oldestAt: null, isExact: true })
  await emit(db.pool, 'another')
  await carry(db.pool, 'dot_iu_import_text', await imported('d', '# d\n\nText.\n'))
  const { backlog, composerBacklog } = await readOverview(console)
  const { rows: [view] } = await db.pool.query<{ pending: number, types: number, oldest: Date }>('SELECT sum(pending)::integer AS pending, count(*)::integer AS types, min(oldest_at) AS oldest FROM iu_core.v_iu_composer_event_backlog')
  expect(composerBacklog).toEqual({ pending: view!.pending, types: view!.types, oldestAt: view!.oldest.toISOString(), isExact: true })
  expect(composerBacklog.pending).toBe(backlog.filter(({ eventDomain }) => eventDomain === 'composer').reduce((sum, { pending }) => sum + pending, 0))
  expect(composerBacklog.pending).toBeGreaterThan(0)
  expect(backlog.some(({ eventDomain }) => eventDomain === 'application')).toBe(true)
})
