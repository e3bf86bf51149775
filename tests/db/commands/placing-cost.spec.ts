/** What a change of one piece costs, in rows: the same in a collection of ten and in one of twenty thousand. */
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestDatabase } from '../harness.ts'
import { openDatabase, type Params, type Receipt, run } from './world.ts'

const SIZES = { small: 10, big: 20_000 }
type Collection = keyof typeof SIZES

let db: TestDatabase
beforeAll(async () => {
  db = await openDatabase()
  for (const [name, count] of Object.entries(SIZES)) {
    await db.pool.query(`
      SELECT iu_core.fn_iu_compose($1::text, 'file', 'Title', iu_core.fn_iu_create_batch(addresses, kinds, bodies, titles), E'\\n') FROM (
        SELECT array_agg(format('%s.%s', $1::text, i)) AS addresses, array_agg('text'::text) AS kinds, array_agg('Body.'::text) AS bodies, array_agg(''::text) AS titles FROM generate_series(1, $2::integer) AS i) AS given`, [name, count])
    await run(db.pool, 'dot_iu_create_piece', 'apply', { address: `${name}.free`, kind: 'text', body: 'Free.' })
  }
  await db.pool.query('ANALYZE')
})
afterAll(() => db.drop())

/** The piece that stands at such a part of the collection. */
const at = (collection: Collection, part: number) => `${collection}.${Math.max(1, Math.round(SIZES[collection] * part))}`

interface Cost { written: Record<string, number>, read: number, scanned: number }

/** The rows that the transaction under way has written, by table, and read of the pieces, so far. */
async function counted(client: pg.Client): Promise<Cost> {
  const { rows } = await client.query<{ name: string, written: number, fetched: number, scanned: number }>(`
    SELECT relname AS name, (n_tup_ins + n_tup_upd + n_tup_del)::integer AS written, coalesce(idx_tup_fetch, 0)::integer AS fetched, seq_tup_read::integer AS scanned
    FROM pg_stat_xact_user_tables WHERE schemaname = 'iu_core' ORDER BY relname`)
  const pieces = rows.find(({ name }) => name === 'iu_collection_piece')!
  return { written: Object.fromEntries(rows.map(({ name, written }) => [name, written])), read: pieces.fetched, scanned: pieces.scanned }
}

/** What one call of a command costs, in a session that has made it so often that its plans have settled. The call is undone. */
async function costOf(client: pg.Client, command: string, params: Params, before?: () => Promise<unknown>): Promise<Cost> {
  for (let warm = 12; ; warm--) {
    await client.query('BEGIN')
    await before?.()
    const from = await counted(client)
    const receipt: Receipt = await run(client, command, 'apply', params)
    const to = await counted(client)
    await client.query('ROLLBACK')
    expect(receipt, JSON.stringify(receipt)).toMatchObject({ status: 'succeeded' })
    const written = Object.fromEntries(Object.entries(to.written).map(([name, n]) => [name, n - from.written[name]!] as const).filter(([, n]) => n > 0))
    if (warm === 0) return { written, read: to.read - from.read, scanned: to.scanned - from.scanned }
  }
}

const PLACES: Record<string, (collection: Collection) => Params> = {
  'to the beginning': () => ({ to: 'first' }),
  'to the end': () => ({ to: 'last' }),
  'behind an early piece': collection => ({ after: at(collection, 0.2) }),
  'behind a late piece': collection => ({ after: at(collection, 0.9) }),
  'before a late piece': collection => ({ before: at(collection, 0.8) }),
  'before an early piece': collection => ({ before: at(collection, 0.3) }),
}
const COMMANDS: Record<string, [string, (collection: Collection) => Params]> = {
  'moving a piece': ['dot_iu_reorder_piece', collection => ({ collection, piece: at(collection, 0.5) })],
  'adding a piece': ['dot_iu_add_piece', collection => ({ collection, piece: `${collection}.free` })],
  'creating a piece': ['dot_iu_create_piece', collection => ({ collection, address: `${collection}.new`, kind: 'text', body: 'New.' })],
}

describe.each(['auto', 'force_generic_plan'])('with plan_cache_mode = %s', (mode) => {
  it.each(Object.keys(COMMANDS).flatMap(what => Object.keys(PLACES).map(place => [what, place] as const)))('%s %s writes the same rows and reads no more of the pieces, whatever the collection\'s size', async (what, place) => {
    const [command, params] = COMMANDS[what]!
    const client = await db.connect()
    await client.query(`SET plan_cache_mode = ${mode}`)
    const small = await costOf(client, command, { ...params('small'), ...PLACES[place]!('small') })
    const big = await costOf(client, command, { ...params('big'), ...PLACES[place]!('big') })
    expect(big.written).toEqual(small.written)
    expect(big.written).toMatchObject({ iu_collection_piece: 1, iu_collection: 1, dot_iu_command_run: 1 })
    expect(big.scanned).toBe(0)
    expect(small.read).toBeGreaterThan(0)
    expect(big.read).toBeLessThanOrEqual(small.read)
    await client.end()
  })

  it('deleting and restoring a piece write the same rows and read no more of the pieces', async () => {
    const client = await db.connect()
    await client.query(`SET plan_cache_mode = ${mode}`)
    const restoring = async (collection: Collection) => {
      const piece = at(collection, 0.7)
      return costOf(client, 'dot_iu_restore_piece', { piece }, async () => {
        const plan = await run(client, 'dot_iu_soft_delete_piece', 'plan', { piece })
        expect(await run(client, 'dot_iu_soft_delete_piece', 'apply', { piece }, { plan: plan.plan_digest, reason: 'a test' })).toMatchObject({ status: 'succeeded' })
      })
    }
    const [small, big] = [await restoring('small'), await restoring('big')]
    expect(big.written).toEqual(small.written)
    expect(big.scanned).toBe(0)
    expect(big.read).toBeLessThanOrEqual(small.read)
    await client.end()
  })
})

it('a row that is moved is one row of the table: all others are the tuples that they were', async () => {
  const tuples = async () => (await db.pool.query<{ key: string, row: string }>(`
    SELECT unit_id::text AS key, concat_ws(' ', p.xmin, p.ctid) AS row FROM iu_core.iu_collection_piece AS p WHERE collection_id = (SELECT id FROM iu_core.iu_collection WHERE canonical_address = 'big')`)).rows
  const before = new Map((await tuples()).map(({ key, row }) => [key, row]))
  expect(await run(db.pool, 'dot_iu_reorder_piece', 'apply', { collection: 'big', piece: at('big', 0.5), to: 'first' })).toMatchObject({ status: 'succeeded' })
  const after = await tuples()
  expect(after).toHaveLength(SIZES.big)
  expect(after.filter(({ key, row }) => before.get(key) !== row)).toHaveLength(1)
})
