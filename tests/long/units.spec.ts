import type pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { readCatalogue } from '../../server/deploy/catalogue.ts'
import { deployUnits, DRIZZLE, planDeploy, planRollback, readUnits, rollbackUnits, stakeText, verifyUnits } from '../../server/deploy/index.ts'
import { testDatabase } from '../db/harness.ts'
import { accounting, audit, drain, emit, furnish } from '../db/world.ts'

const UNITS = readUnits(DRIZZLE)
const TAGS = UNITS.map(({ tag }) => tag)

/** The inventory notes by which unit, going or coming, and when an object came to be as it is. */
const WITHOUT_WHEN = `to_jsonb(t) - 'registered_at' - 'registered_by_unit'`

/** Objects, book and, for each table, its rows: all that a unit could change. */
async function state(client: pg.Client): Promise<unknown> {
  const { rows: book } = await client.query('SELECT number, tag, hash FROM iu_deploy.applied_unit ORDER BY number')
  const { rows: tables } = await client.query<{ name: string }>(`SELECT c.relname AS name FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = 'iu_core' AND c.relkind = 'r' ORDER BY 1`)
  const rows: Record<string, string> = {}
  for (const { name } of tables) {
    rows[name] = (await client.query<{ digest: string }>(`SELECT count(*) || ' ' || coalesce(md5(string_agg(row, '' ORDER BY row COLLATE "C")), '') AS digest FROM (SELECT md5((${WITHOUT_WHEN})::text) AS row FROM iu_core.${name} AS t) AS r`)).rows[0]!.digest
  }
  return { book, objects: tables.length ? await readCatalogue(client) : [], rows: rowsThatStay(rows) }
}

/** Seeds are written anew, with the time of it; what has no such column is compared row by row. */
const SEEDED = ['dot_config', 'iu_vocabulary', 'iu_event_type', 'iu_outbound_route', 'dot_iu_command', 'iu_route_worker_cursor']
const rowsThatStay = (rows: Record<string, string>) => Object.fromEntries(Object.entries(rows).map(([table, digest]) => [table, SEEDED.includes(table) ? digest.split(' ')[0] : digest]))

test('from the newest unit to each other in one go, and back: objects and rows are as they were', async () => {
  const db = await testDatabase({ deployed: false })
  onTestFinished(() => db.drop())
  const client = await db.connect()
  const states: unknown[] = []
  await deployUnits(client, [])
  for (const [index, tag] of TAGS.entries()) {
    states.push(await state(client))
    expect(await deployUnits(client, UNITS, { to: tag })).toEqual([tag])
    expect(await verifyUnits(client, UNITS)).toEqual(TAGS.slice(0, index + 1))
  }
  const newest = await state(client)
  for (const index of [...TAGS.keys()].toReversed()) {
    expect(await rollbackUnits(client, UNITS, TAGS[index - 1])).toEqual(TAGS.slice(index).toReversed())
    expect(await state(client)).toEqual(states[index])
    expect(await deployUnits(client, UNITS)).toEqual(TAGS.slice(index))
    expect(await state(client)).toEqual(newest)
  }
  expect(await verifyUnits(client, UNITS)).toEqual(TAGS)
})

test('a plan over an empty database tries every unit and the probe, and makes nothing', async () => {
  const db = await testDatabase({ deployed: false })
  onTestFinished(() => db.drop())
  const client = await db.connect()
  const plan = await planDeploy(client, UNITS)
  expect(plan.units.map(({ tag }) => tag)).toEqual(TAGS)
  expect(plan.probe.map(({ status }) => status)).toEqual(Array(8).fill('passed'))
  expect((await client.query(`SELECT FROM pg_namespace WHERE nspname LIKE 'iu\\_%'`)).rowCount).toBe(0)
})

test('with history in it, a rollback either brings every row through, or is refused and says what it would destroy', async () => {
  const db = await testDatabase()
  onTestFinished(() => db.drop())
  await furnish(db.pool)
  const client = await db.connect()
  for (let n = 0; n < 20; n++) {
    await client.query(`SELECT iu_core.fn_iu_create($1, 'paragraph', 'Title', 'Body', NULL)`, [`a/b${n}`])
    await emit(db.pool, 's', {}, n % 2 ? 'app.plain' : 'app.strict')
  }
  await drain(db.pool)
  await audit(db.pool)
  const before = await accounting(db.pool)
  const outcomes: Record<string, string> = {}
  for (const index of [...TAGS.keys()].toReversed()) {
    const to = TAGS[index - 1]
    const was = await state(client)
    const plan = await planRollback(client, UNITS, to)
    expect(await state(client)).toEqual(was)
    const isRefused = plan.destroys.length > 0 || plan.refusal !== undefined
    if (isRefused) {
      await expect(rollbackUnits(client, UNITS, to)).rejects.toMatchObject({ code: 'IU010' })
      expect(await state(client)).toEqual(was)
    }
    else {
      await rollbackUnits(client, UNITS, to)
      await deployUnits(client, UNITS)
      expect(await verifyUnits(client, UNITS)).toEqual(TAGS)
      await audit(db.pool)
      expect(await accounting(db.pool)).toEqual(before)
    }
    outcomes[TAGS[index]!] = isRefused ? [plan.refusal?.message, stakeText(plan.destroys)].filter(Boolean).join(': ') : 'undone and applied again'
  }
  console.log(outcomes)
  expect(Object.values(outcomes).some(outcome => outcome.startsWith('undone'))).toBe(true)
  expect(outcomes['0001_foundation']).toMatch(/has routed events: .*40 rows of event_outbox \(0003_events\), 20 rows of information_unit \(0002_units\), 20 rows of unit_version/)
})
