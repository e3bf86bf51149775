import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CatalogueObject, readCatalogue } from '../../../server/deploy/catalogue.ts'
import { readDefinitions } from '../../../server/deploy/definitions.ts'
import { DRIZZLE, readUnits } from '../../../server/deploy/index.ts'
import { catalogueOf } from '../../../server/deploy/scratch.ts'
import { exclusively, testDatabase, type TestDatabase } from '../harness.ts'

const byName = (objects: CatalogueObject[]) => Object.fromEntries(objects.map(({ class: kind, identity, ...what }) => [`${kind} ${identity}`, what]))

let db: TestDatabase
let client: pg.Client
let defined: CatalogueObject[]
beforeAll(async () => {
  db = await testDatabase()
  client = await db.connect()
  defined = await scratch(readDefinitions(DRIZZLE).map(({ sql }) => sql))
})
afterAll(() => db.drop())

async function scratch(scripts: string[]): Promise<CatalogueObject[]> {
  let objects: CatalogueObject[] = []
  await exclusively(async () => {
    objects = await catalogueOf(client, scripts)
  })
  return objects
}

describe('the definitions', () => {
  it('build what the migrations build, object by object', async () => {
    const migrated = await scratch(readUnits(DRIZZLE).map(({ migration }) => migration))
    expect(byName(migrated)).toEqual(byName(defined))
  })

  it('build what is deployed', async () => {
    expect(byName(await readCatalogue(client))).toEqual(byName(defined))
  })

  it('are compared by more than names: a changed body is a difference', async () => {
    const changed = readDefinitions(DRIZZLE).map(({ name, sql }) => name === 'fn_iu_gate_is_open' ? sql.replace('\'open\'', '\'closed\'') : sql)
    const different = byName(await scratch(changed))
    const before = byName(defined)
    expect(Object.keys(before).filter(name => before[name]!.definition !== different[name]?.definition)).toEqual(['function fn_iu_gate_is_open(text)'])
  })

  it('leave no scratch database behind', async () => {
    // Those of other spec files are soon connected to, or gone.
    await expect.poll(async () => (await client.query(`SELECT FROM pg_database AS d WHERE datname LIKE 'iu\\_scratch\\_%' AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE datid = d.oid)`)).rowCount).toBe(0)
  })
})
