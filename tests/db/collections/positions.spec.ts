import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { type TestDatabase, testDatabase } from '../harness.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

const between = (after: string | null, before: string | null, count: number) =>
  db.pool.query<{ positions: string[] }>('SELECT iu_core.fn_iu_positions_between($1, $2, $3)::text[] AS positions', [after, before, count]).then(({ rows }) => rows[0]!.positions)

/** Whether the positions rise strictly, and stand strictly between their neighbours; PostgreSQL's own comparison. */
const rise = async (after: string | null, positions: string[], before: string | null) => (await db.pool.query<{ ok: boolean }>(
  `SELECT coalesce(bool_and(p > previous), true) AS ok FROM (SELECT p, lag(p) OVER (ORDER BY n) AS previous FROM unnest($1::numeric[]) WITH ORDINALITY AS g(p, n)) AS x WHERE previous IS NOT NULL`,
  [[after, ...positions, before].filter(p => p !== null)],
)).rows[0]!.ok

describe('positions', () => {
  it('are the whole numbers from 1 in an empty collection', async () => {
    expect(await between(null, null, 3)).toEqual(['1', '2', '3'])
    expect(await between(null, null, 0)).toEqual([])
  })

  it('go on in whole numbers at either end', async () => {
    expect(await between('7', null, 2)).toEqual(['8', '9'])
    expect(await between('7.25', null, 2)).toEqual(['8', '9'])
    expect(await between(null, '1', 2)).toEqual(['-1', '0'])
    expect(await between(null, '-2.5', 2)).toEqual(['-4', '-3'])
    expect(await between('-2.5', null, 2)).toEqual(['-1', '0'])
  })

  it.each([['2', '1'], ['1', '1'], ['1.0', '1']])('do not exist between %s and %s', async (after, before) => {
    await expect(between(after, before, 1)).rejects.toMatchObject({ code: 'IU002', column: 'position' })
  })

  it('rise strictly, strictly between any two neighbours', async () => {
    const decimal = fc.tuple(fc.bigInt({ min: -1_000_000_000n, max: 1_000_000_000n }), fc.nat(60))
      .map(([digits, scale]) => `${digits}e-${scale}`)
    await fc.assert(fc.asyncProperty(decimal, decimal, fc.integer({ min: 1, max: 300 }), fc.constantFrom('both', 'after', 'before'), async (a, b, count, ends) => {
      const { rows: [order] } = await db.pool.query<{ low: string, high: string, equal: boolean }>(
        'SELECT least($1::numeric, $2::numeric) AS low, greatest($1::numeric, $2::numeric) AS high, $1::numeric = $2::numeric AS equal', [a, b])
      fc.pre(!order!.equal)
      const after = ends === 'before' ? null : order!.low
      const before = ends === 'after' ? null : order!.high
      const positions = await between(after, before, count)
      expect(positions).toHaveLength(count)
      expect(await rise(after, positions, before)).toBe(true)
    }), { numRuns: 300 })
  })
})

describe('thousands of insertions', () => {
  /** Inserts one after another between two whole neighbours, where `choose` says, and returns the positions in order. */
  const insert = async (times: number, choose: 'before the first' | 'after the last' | 'between the latest two' | 'anywhere') => {
    // One round trip: the loop runs in the database.
    const { rows: [{ positions } = { positions: [] as string[] }] } = await db.pool.query<{ positions: string[] }>(`
      WITH RECURSIVE step(n, low, high, positions, latest) AS (
        SELECT 0, 1::numeric, 2::numeric, ARRAY[1, 2]::numeric[], 1::numeric
        UNION ALL
        SELECT n + 1,
               CASE $2 WHEN 'after the last' THEN p WHEN 'between the latest two' THEN CASE WHEN n % 2 = 0 THEN p ELSE low END ELSE low END,
               CASE $2 WHEN 'before the first' THEN p WHEN 'between the latest two' THEN CASE WHEN n % 2 = 1 THEN p ELSE high END ELSE high END,
               positions || p, p
        FROM step, LATERAL (SELECT (iu_core.fn_iu_positions_between(low, high, 1))[1] AS p) AS next
        WHERE n < $1
      ) SELECT positions::text[] FROM step WHERE n = $1`, [times, choose])
    return positions
  }

  /** The number of places that differ, and the most decimals of any. */
  const measure = async (positions: string[]) => (await db.pool.query<{ distinct: number, inside: number, digits: number }>(
    `SELECT count(DISTINCT p)::integer AS distinct, (count(*) FILTER (WHERE p > 1 AND p < 2))::integer AS inside, max(scale(p)) AS digits FROM unnest($1::numeric[]) AS p`, [positions])).rows[0]!

  it.each(['before the first', 'after the last'] as const)('at one place, always %s, find room in few decimals', async (choose) => {
    const positions = await insert(5000, choose)
    expect(await measure(positions)).toEqual({ distinct: 5002, inside: 5000, digits: expect.any(Number) })
    expect((await measure(positions)).digits).toBeLessThanOrEqual(40)
    const inserted = positions.slice(2)
    expect(await rise('1', choose === 'after the last' ? inserted : inserted.reverse(), '2')).toBe(true)
  })

  it('that halve the same gap again and again still find room', async () => {
    expect(await measure(await insert(2000, 'between the latest two'))).toMatchObject({ distinct: 2002, inside: 2000 })
  })

  it('anywhere find room in few decimals', async () => {
    const positions = ['1', '2']
    let seed = 7
    for (let i = 0; i < 3000; i++) {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
      const at = seed % (positions.length - 1)
      positions.splice(at + 1, 0, (await between(positions[at]!, positions[at + 1]!, 1))[0]!)
    }
    expect(await rise(null, positions, null)).toBe(true)
    expect((await measure(positions)).digits).toBeLessThanOrEqual(60)
  })

  it('of many at once fit between two', async () => {
    const positions = await between('1', '2', 50_000)
    expect(await measure(positions)).toEqual({ distinct: 50_000, inside: 50_000, digits: 8 })
    expect(await rise('1', positions, '2')).toBe(true)
  })
})
