import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommand } from '../../../server/db/functions/command.ts'
import type { TestDatabase } from '../harness.ts'
import { drain, expectWhole } from '../world.ts'
import { beside, waiting } from './beside.ts'
import { carry, openDatabase, type Params, piecesIn, type Receipt, rendering, run, signedIn } from './world.ts'

const CONNECTIONS = 8
const CALLS = 240
const MOST_TRIES = 5

let db: TestDatabase
const people: Record<string, string> = {}
beforeAll(async () => {
  db = await openDatabase()
  for (const name of ['alice', 'bob', 'carol']) people[name] = await signedIn(db.pool, name, 'operator')
})
afterAll(() => db.drop())

/** A connection that counts how often it is asked, and remembers what it was refused with. */
interface Counting { client: pg.Client, tries: number, codes: string[] }
async function counting(client: pg.Client): Promise<Counting & Pick<pg.Client, 'query'>> {
  const counter = { client, tries: 0, codes: [] as string[] }
  return Object.assign(counter, {
    query: (async (text: string, values: unknown[]) => {
      counter.tries += 1
      return client.query(text, values).catch((error: pg.DatabaseError) => {
        counter.codes.push(error.code!)
        throw error
      })
    }) as pg.Client['query'],
  })
}

/** The numbers of a small generator: the same walk each time. */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor(state / 2 ** 32 * below)
  }
}

const count = async (from: string, values: unknown[] = []) => Number((await db.pool.query<{ n: string }>(`SELECT count(*) AS n FROM ${from}`, values)).rows[0]!.n)

/** What the receipts of a collection's changes, in the order of the ledger, say must be where. */
function placesBy(receipts: Receipt[], collection: string, places: Map<string, string>): Map<string, string> {
  for (const { objects } of receipts) {
    for (const { ref, change, after } of objects.filter(object => object.ref.startsWith(`piece:${collection}#`))) {
      const piece = ref.slice(`piece:${collection}#`.length)
      if (change === 'create') expect(places.has(piece), ref).toBe(false)
      else expect(places.has(piece), ref).toBe(true)
      if (change === 'delete') places.delete(piece)
      else places.set(piece, after!.at as string)
    }
  }
  return places
}
const placesIn = async (collection: string) => new Map((await db.pool.query<{ unit: string, at: string }>('SELECT unit_address AS unit, position::text AS at FROM iu_core.v_iu_collection_piece WHERE collection_address = $1', [collection])).rows.map(({ unit, at }) => [unit, at] as const))

describe('hundreds of changes of one collection, from many connections', () => {
  const collection = 'crowd'
  const answers: { key: string, receipt: Receipt }[] = []
  const tries: number[] = []
  const conflicts: string[] = []
  let before: Map<string, string>
  let ledger: number
  let asks = 0

  beforeAll(async () => {
    for (let i = 0; i < 40; i++) await run(db.pool, 'dot_iu_create_piece', 'apply', { address: `p${i}`, kind: 'text', body: `Body ${i}.` })
    await carry(db.pool, 'dot_iu_create_file_from_pieces', { address: collection, title: 'Crowd', pieces: Array.from({ length: 25 }, (_, i) => `p${i}`) })
    await carry(db.pool, 'dot_iu_create_file_from_pieces', { address: 'aside', title: 'Aside', pieces: ['p3', 'p1', 'p30'] })
    before = await placesIn(collection)
    ledger = await count('iu_core.dot_iu_command_run')

    const random = numbers(20_261_121)
    const piece = () => `p${random(40)}`
    const place = (): Params => [{ to: 'first' }, { to: 'last' }, { after: piece() }, { before: piece() }, { position: 1 + random(20) }][random(5)]!
    const MAKE: ((i: number) => [string, Params])[] = [
      () => ['dot_iu_add_piece', { collection, piece: piece(), ...place() }],
      () => ['dot_iu_add_piece', { collection, piece: piece(), separator: '\n' }],
      () => ['dot_iu_reorder_piece', { collection, piece: piece(), ...place() }],
      () => ['dot_iu_reorder_piece', { collection, piece: piece(), to: 'last' }],
      () => ['dot_iu_remove_piece_from_collection', { collection, piece: piece() }],
      i => ['dot_iu_revise_piece', { piece: piece(), body: `Revised by ${i}. ${'x'.repeat(random(30))}` }],
      () => ['dot_iu_soft_delete_piece', { piece: piece() }],
      () => ['dot_iu_restore_piece', { piece: piece() }],
      () => ['dot_iu_restore_piece', { piece: piece() }],
      i => ['dot_iu_create_piece', { address: `new.${i}`, kind: 'text', body: `New ${i}.`, collection, ...place() }],
      () => ['dot_iu_render_collection', { collection }],
      () => ['dot_iu_checkpoint_collection', { collection }],
      () => ['dot_iu_enact_piece', { piece: piece(), status: random(2) ? 'enacted' : 'draft' }],
    ]
    // Each tenth call is sent twice, as by a second click.
    const calls = Array.from({ length: CALLS }, (_, i) => ({ i, command: MAKE[i % MAKE.length]!(i), who: Object.keys(people)[i % 3]! })).flatMap(call => call.i % 10 === 0 ? [call, call] : [call])
    const tiers = new Map((await db.pool.query<{ code: string, tier: number }>('SELECT command_code AS code, tier FROM iu_core.dot_iu_command')).rows.map(({ code, tier }) => [code, tier]))
    await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
      const connection = await counting(await db.login('iu_console'))
      const asked = async (call: Parameters<typeof runCommand>[1]) => {
        connection.tries = 0
        const receipt = await runCommand(connection as unknown as pg.Client, call)
        tries.push(connection.tries)
        asks += 1
        return receipt as unknown as Receipt
      }
      for (let call = calls.shift(); call; call = calls.shift()) {
        const { i, who, command: [command, params] } = call
        for (let planned = 1; ; planned++) {
          const planDigest = tiers.get(command)! === 1 ? undefined : (await asked({ command, mode: 'plan', params, token: people[who] })).plan_digest
          const receipt = await asked({ command, mode: 'apply', params, reason: 'a test', planDigest, idempotencyKey: `key ${i}`, token: people[who] })
          // Others change the collection between plan and apply all the time: it is planned anew, a few times.
          if (receipt.code === 'stale_plan' && planned < 8) continue
          answers.push({ key: `${who} ${i}`, receipt })
          break
        }
      }
      conflicts.push(...connection.codes)
    }))
  })

  it('end each in one effect or a refusal that says why, after few tries', () => {
    expect(answers).toHaveLength(CALLS * 1.1)
    expect([...new Set(answers.map(({ receipt }) => receipt.status))].sort()).toEqual(['refused', 'succeeded'])
    expect([...new Set(answers.filter(({ receipt }) => receipt.code).map(({ receipt }) => receipt.code))].filter(code => !['taken', 'not_found', 'nothing_to_do', 'lifecycle_refused', 'stale_plan', 'invalid_parameter'].includes(code!))).toEqual([])
    // A place is found under the collection's lock: only a piece is ever there already, never a position.
    expect(new Set(answers.filter(({ receipt }) => receipt.code === 'taken').map(({ receipt }) => receipt.field))).toEqual(new Set(['piece']))
    expect(answers.filter(({ receipt }) => receipt.status === 'succeeded').length).toBeGreaterThan(CALLS / 4)
    expect(new Set(answers.filter(({ receipt }) => receipt.status === 'succeeded').map(({ receipt }) => receipt.command)).size).toBeGreaterThan(9)
    expect(Math.max(...tries)).toBeLessThanOrEqual(MOST_TRIES)
    expect(conflicts.filter(code => !['40001', '40P01', '55P03'].includes(code))).toEqual([])
  })

  it('leave one ledger row for each call, and one effect for each key', async () => {
    const repeated = answers.filter(({ receipt }) => receipt.repeated)
    expect(await count('iu_core.dot_iu_command_run')).toBe(ledger + asks - repeated.length)
    expect(await count('(SELECT FROM iu_core.dot_iu_command_run WHERE idempotency_key IS NOT NULL AND status = \'succeeded\' GROUP BY actor, idempotency_key HAVING count(*) > 1) AS twice')).toBe(0)
    for (const { key, receipt } of repeated) expect(answers.filter(other => other.key === key && !other.receipt.repeated).map(other => other.receipt.run), key).toEqual([receipt.run])
    const twice = Object.values(Object.groupBy(answers, ({ key }) => key)).filter(both => both!.length > 1)
    expect(twice).toHaveLength(CALLS / 10)
    for (const both of twice) expect(both!.filter(({ receipt }) => receipt.status === 'succeeded' && !receipt.repeated).length).toBeLessThanOrEqual(1)
    expect(repeated.length).toBeGreaterThan(0)
  })

  it('leave each piece where the receipts, read in the ledger\'s order, say that it is, at a position of its own', async () => {
    const { rows } = await db.pool.query<{ receipt: Receipt }>(`SELECT receipt FROM iu_core.dot_iu_command_run WHERE id > $1 AND status = 'succeeded' ORDER BY id`, [ledger])
    const places = placesBy(rows.map(row => row.receipt), collection, before)
    expect(Object.fromEntries(await placesIn(collection))).toEqual(Object.fromEntries(places))
    expect(new Set(places.values()).size).toBe(places.size)
    expect(places.size).toBeGreaterThan(5)
  })

  it('leave counts and digests right, after one more rendering', async () => {
    const asides = await db.pool.query('SELECT canonical_address FROM iu_core.v_iu_collection_health WHERE pieces <> pieces_counted OR bytes <> bytes_counted OR missing_body > 0 OR retired_inside > 0')
    expect(asides.rows).toEqual([])
    for (const address of [collection, 'aside']) {
      const { result } = await carry(db.pool, 'dot_iu_render_collection', { collection: address })
      const { rows } = await db.pool.query(`
        SELECT h.healthy, m.render_digest = encode(sha256(convert_to($2, 'UTF8')), 'hex') AS same, m.manifest_current, m.byte_length::integer AS bytes, m.piece_count AS pieces
        FROM iu_core.v_iu_collection_health AS h JOIN iu_core.v_iu_collection_manifest AS m USING (canonical_address) WHERE canonical_address = $1`, [address, await rendering(db.pool, address)])
      expect(rows).toEqual([{ healthy: true, same: true, manifest_current: true, bytes: result.bytes, pieces: (await piecesIn(db.pool, address)).length }])
      expect((await carry(db.pool, 'dot_iu_validate_collection', { collection: address })).result).toMatchObject({ count: 0 })
    }
  })

  it('leave every event of every effect in the outbox, each accounted for', async () => {
    const { rows } = await db.pool.query(`
      SELECT r.id FROM iu_core.dot_iu_command_run AS r
      WHERE r.id > $1 AND r.status = 'succeeded' AND r.event_count <> (SELECT count(*) FROM iu_core.event_outbox AS e WHERE e.xid = r.xid AND e.id BETWEEN r.event_from AND r.event_to AND e.actor = r.actor)`, [ledger])
    expect(rows).toEqual([])
    await drain(db.pool)
    await expectWhole(db.pool)
  })
})

describe('a conflict that ends by itself', () => {
  /** What a call with one key comes to, counted: the tries, the rows with that key, and the pieces that were born of it. */
  async function tried(connection: Counting & Pick<pg.Client, 'query'>, address: string) {
    const receipt = await runCommand(connection as unknown as pg.Client, { command: 'dot_iu_create_piece', mode: 'apply', params: { address, kind: 'text', body: 'B', collection: 'contended' }, idempotencyKey: address, token: people.alice })
    return { status: receipt.status, codes: [...new Set(connection.codes)], rows: await count('iu_core.dot_iu_command_run WHERE idempotency_key = $1', [address]), born: await count('iu_core.information_unit WHERE canonical_address = $1', [address]) }
  }
  beforeAll(async () => {
    await carry(db.pool, 'dot_iu_create_collection', { address: 'contended', kind: 'file', title: 'Contended' })
    await carry(db.pool, 'dot_iu_create_piece', { address: 'contended.first', kind: 'text', body: 'F', collection: 'contended' })
  })

  it('as a lock that is not had in time is tried again with the same key, and has one effect', async () => {
    const connection = await counting(await db.login('iu_console'))
    await connection.client.query(`SET lock_timeout = '50ms'`)
    const late = await beside(db, async (holder) => {
      await holder.query(`SELECT FROM iu_core.iu_collection WHERE canonical_address = 'contended' FOR UPDATE`)
      const late = tried(connection, 'late')
      await expect.poll(() => connection.codes.length, { interval: 2 }).toBeGreaterThan(0)
      return { late }
    })
    expect(await late.late).toEqual({ status: 'succeeded', codes: ['55P03'], rows: 1, born: 1 })
  })

  it('as a deadlock is tried again with the same key, and has one effect', async () => {
    const connection = await counting(await db.connect())
    await connection.client.query(`SET deadlock_timeout = '50ms'`)
    const { victim } = await beside(db, async (holder) => {
      await holder.query(`SET LOCAL deadlock_timeout = '60s'`)
      await holder.query(`SELECT FROM iu_core.iu_collection WHERE canonical_address = 'contended' FOR UPDATE`)
      // The piece is born and waits for the collection; the holder of the collection waits for the birth.
      const victim = tried(connection, 'victim')
      await waiting(db, 1)
      await holder.query(`SELECT iu_core.fn_iu_create('victim', 'text', 'the holder''s')`)
      return { victim }
    })
    expect(await victim).toEqual({ status: 'succeeded', codes: ['40P01'], rows: 1, born: 1 })
  })
})
