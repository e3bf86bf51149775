/** One comparison as a whole: what the page and `iu conformance` show agrees with the views, and with itself. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type pg from 'pg'
import { inSnapshot, openPool } from '../../../server/db/client.ts'
import { readComparison, readConformance } from '../../../server/db/queries/conformance.ts'
import { conformanceAnswer } from '../../../shared/read-models/conformance.ts'
import { testDatabase, type TestDatabase } from '../harness.ts'
import { conformance, drift } from './drift.ts'

interface Compared { state: string, digest: string | null, expected: number, matching: number, drift: number, unknown: number, why: string | null, checks: object[], objects: object[] }

let db: TestDatabase
let client: pg.Client
beforeAll(async () => {
  db = await testDatabase()
  client = await db.connect()
})
afterAll(() => db.drop())

const compared = async (): Promise<Compared> => (await client.query<Compared>('SELECT * FROM iu_core.v_dot_comparison')).rows[0]!

/** Does `work` after some statements, all of it taken back. */
async function after(sql: string, work: () => Promise<void>): Promise<void> {
  await client.query('BEGIN')
  try {
    await client.query(sql)
    await work()
  }
  finally {
    await client.query('ROLLBACK')
  }
}

const MISSING = 'DROP VIEW iu_core.v_iu_unit_axis'
const UNEXPECTED = 'CREATE VIEW iu_core.v_extra AS SELECT 1 AS one; CREATE SEQUENCE iu_core.extra'
const CHANGED = 'ALTER FUNCTION iu_core.fn_iu_slug(text) COST 7'
const UNKNOWN = `UPDATE iu_core.dot_inventory SET definition = definition || ' ' WHERE class = 'table' AND identity = 'dot_config'`

describe('a comparison', () => {
  it('of what was deployed matches, and is of every object in the inventory', async () => {
    const { rows: [inventory] } = await client.query<{ n: number }>(`SELECT (count(*) + (SELECT count(*) FROM iu_core.fn_dot_principals_expected()) +
      (SELECT count(*) FROM iu_core.dot_inventory AS i WHERE class = 'principal' AND identity IN (SELECT identity FROM iu_core.fn_dot_principals())))::integer AS n FROM iu_core.dot_inventory WHERE class <> 'principal'`)
    const whole = await compared()
    expect(whole).toMatchObject({ state: 'matches', expected: inventory!.n, matching: inventory!.n, drift: 0, unknown: 0, why: null, objects: [] })
    expect(whole.digest).toMatch(/^[0-9a-f]{64}$/)
  })

  it.each([
    ['all kinds of drift', `${MISSING}; ${UNEXPECTED}; ${CHANGED}`, { state: 'drift', drift: 4, unknown: 0, why: null }, -2],
    ['drift, and something unknown', `${CHANGED}; ${UNKNOWN}`, { state: 'drift', drift: 1, unknown: 1, why: expect.stringMatching(/^1 of \d+ objects cannot be compared\.$/) as string }, -2],
    ['something unknown alone', UNKNOWN, { state: 'unknown', drift: 0, unknown: 1 }, -1],
    ['what is too much, which matches all the same', UNEXPECTED, { state: 'drift', drift: 2 }, 0],
    ['a switch', 'ALTER TABLE iu_core.event_outbox DISABLE TRIGGER USER', { state: 'drift' }, undefined],
  ])('of %s counts it, and is what the two views tell', async (_, sql, expected, less) => {
    const { expected: all } = await compared()
    await after(sql, async () => {
      const whole = await compared()
      expect(whole).toMatchObject(expected)
      if (less !== undefined) expect(whole).toMatchObject({ expected: all, matching: all + less })
      expect(whole.objects).toEqual(await drift(client))
      expect(whole.checks).toEqual(await conformance(client))
      expect(whole.objects).toHaveLength(whole.drift + whole.unknown)
    })
  })

  it.each([
    ['an empty inventory', 'DELETE FROM iu_core.dot_inventory', 'The inventory is empty. Run iu db deploy'],
    ['a snapshot of its own', 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ', 'A comparison under REPEATABLE READ'],
  ])('of %s is unknown, says why, and has no digest', async (_, sql, why) => {
    await after(sql, async () => {
      const whole = await compared()
      expect(whole).toMatchObject({ state: 'unknown', digest: null, matching: 0, drift: 0, objects: [], why: expect.stringContaining(why) as string })
      expect(whole.unknown).toBeGreaterThan(0)
      expect(whole.checks).toEqual(await conformance(client))
      expect(await drift(client)).toMatchObject([{ class: null, state: 'unknown', suggested_action: whole.why }])
    })
  })

  it('has a digest of the catalogue: another for another definition or switch, the same again when that is put back, and in a database like it', async () => {
    const { digest } = await compared()
    const seen = new Set([digest])
    for (const sql of [CHANGED, MISSING, UNEXPECTED, 'ALTER TABLE iu_core.event_outbox DISABLE TRIGGER USER']) {
      await after(sql, async () => {
        seen.add((await compared()).digest)
      })
    }
    expect(seen.size).toBe(5)
    // What the inventory says is not the catalogue.
    await after(UNKNOWN, async () => expect((await compared()).digest).toBe(digest))
    const twin = await testDatabase()
    try {
      const { rows: [its] } = await twin.pool.query<Compared>('SELECT digest FROM iu_core.v_dot_comparison')
      expect([its!.digest, (await compared()).digest]).toEqual([digest, digest])
    }
    finally {
      await twin.drop()
    }
  })
})

describe('the read of the page', () => {
  let pool: pg.Pool
  beforeAll(() => {
    pool = openPool(db.url, 1)
  })
  afterAll(() => pool.end())
  beforeAll(() => client.query(`${MISSING}; ${CHANGED}; ${UNKNOWN}; CREATE VIEW iu_core.v_extra AS SELECT 1 AS one`))

  it('lists the objects of one state, counts all, and is what its schema says', async () => {
    const read = (state?: Parameters<typeof readConformance>[1]['state']) => inSnapshot(pool, snapshot => readConformance(snapshot, { state }), 'READ COMMITTED')
    const whole = await inSnapshot(pool, readComparison, 'READ COMMITTED')
    expect(whole.objects).toEqual((await drift(client)).map(({ suggested_action: suggestedAction, ...object }) => ({ ...object, suggestedAction })))
    for (const [state, names] of [['missing', ['v_iu_unit_axis']], ['changed', ['fn_iu_slug(text)']], ['unexpected', ['v_extra']], ['unknown', ['dot_config']]] as const) {
      const answer = await read(state)
      expect(conformanceAnswer.parse(answer)).toEqual(answer)
      expect([state, answer.objects.map(object => object.identity)]).toEqual([state, names])
      expect(answer).toMatchObject({ state: 'drift', drift: 3, unknown: 1, asked: 1, checks: whole.checks, digest: whole.digest })
    }
    expect(await read('ok')).toMatchObject({ objects: [], asked: whole.matching })
    expect((await read()).objects).toEqual(whole.objects)
  })

  it('ends its list after a hundred, and says how many there are', async () => {
    await client.query('DO $$ BEGIN FOR n IN 1..120 LOOP EXECUTE format(\'CREATE VIEW iu_core.v_many_%s AS SELECT 1 AS one\', n); END LOOP; END $$')
    const answer = await inSnapshot(pool, snapshot => readConformance(snapshot, { state: 'unexpected' }), 'READ COMMITTED')
    expect([answer.objects.length, answer.asked]).toEqual([100, 121])
  })
})
