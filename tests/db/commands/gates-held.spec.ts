/** Events that were held while the master gate was closed: each is released or discarded, once, and none is lost. */
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { TestDatabase } from '../harness.ts'
import { accounting, drain, emit, expectWhole, furnish, pass, setGate } from '../world.ts'
import { beside, waiting } from './beside.ts'
import { carry, openDatabase, type Options, type Params, type Receipt, run, signedIn } from './world.ts'

let db: TestDatabase
let token: string
beforeAll(async () => {
  db = await openDatabase()
  await furnish(db.pool)
  token = await signedIn(db.pool, 'alice', 'approver')
})
afterAll(() => db.drop())

const RELEASE = 'dot_iu_release_held_events'
const DISCARD = 'dot_iu_discard_held_events'
const as = (options: Options = {}): Options => ({ token, reason: 'a test', ...options })
const numbers = async (sql: string, values: unknown[] = []) => (await db.pool.query<{ n: string }>(`SELECT n FROM (${sql}) AS q(n) ORDER BY n`, values)).rows.map(row => Number(row.n))
const heldNow = () => numbers('SELECT event_id FROM iu_core.v_iu_held_event')
const released = (ids: number[]) => numbers('SELECT released_from FROM iu_core.event_outbox WHERE released_from = ANY ($1)', [ids])
const discarded = (ids: number[]) => numbers('SELECT event_id FROM iu_core.iu_held_decision WHERE event_id = ANY ($1)', [ids])
const rowOf = async (id: number) => (await db.pool.query<{ row: string }>('SELECT concat_ws(\' \', e.xmin, e.ctid, to_jsonb(e)) AS row FROM iu_core.event_outbox AS e WHERE id = $1', [id])).rows[0]!.row
const events = (receipt: Receipt) => receipt.objects.map(object => Number(object.ref.replace('event:', '')))

/** Holds so many events: their ids. */
async function hold(count: number, type = 'app.plain', key?: (i: number) => string): Promise<number[]> {
  await setGate(db.pool, 'routes_master_enabled', false)
  const ids: number[] = []
  for (let i = 0; i < count; i++) ids.push(await emit(db.pool, `s${i % 3}`, { i }, type, key?.(i)))
  await setGate(db.pool, 'routes_master_enabled', true)
  return ids
}

beforeEach(async () => {
  expect(await heldNow()).toEqual([])
})
afterEach(async () => {
  // Whatever a test left held is not the next one's.
  const left = await run(db.pool, DISCARD, 'plan', {}, as())
  if (left.status === 'planned') await run(db.pool, DISCARD, 'apply', {}, as({ plan: left.plan_digest }))
  await drain(db.pool)
  await expectWhole(db.pool)
})

describe('a release', () => {
  it('writes each event anew on its type\'s lane, in the order of writing; the held row stays as it was', async () => {
    const ids = [...await hold(3), ...await hold(2, 'app.once', i => `key ${i}`)]
    const rows = await Promise.all(ids.map(rowOf))
    const receipt = await carry(db.pool, RELEASE, {}, as())
    expect(events(receipt)).toEqual(ids)
    expect(receipt.events).toEqual([{ type: 'app.once', lane: 'immediate', count: 2 }, { type: 'app.plain', lane: 'delayed', count: 3 }])
    expect(await Promise.all(ids.map(rowOf))).toEqual(rows)
    const { rows: anew } = await db.pool.query(`
      SELECT n.released_from::integer AS from, n.event_type = o.event_type AND n.payload = o.payload AND n.event_subject_ref = o.event_subject_ref AND n.actor = o.actor
        AND n.idempotency_key IS NOT DISTINCT FROM o.idempotency_key AND o.delivery_lane = 'held' AS same
      FROM iu_core.event_outbox AS n JOIN iu_core.event_outbox AS o ON o.id = n.released_from WHERE n.released_from = ANY ($1) ORDER BY n.id`, [ids])
    expect(anew).toEqual(ids.map(id => ({ from: id, same: true })))
    expect(await heldNow()).toEqual([])
    const account = await accounting(db.pool)
    expect(account).toMatchObject({ released: 5, not_yet_routed: 5, held: 0, unexplained: 0 })
    await drain(db.pool)
    expect(await accounting(db.pool)).toMatchObject({ released: 5, attempted: account.attempted + 5 })
  })

  it('keeps the key: a repetition finds the held row, before and after', async () => {
    const [id] = await hold(1, 'app.once', () => 'again')
    expect(await emit(db.pool, 's0', {}, 'app.once', 'again')).toBe(id)
    await carry(db.pool, RELEASE, {}, as())
    const before = await numbers('SELECT count(*) FROM iu_core.event_outbox')
    expect(await emit(db.pool, 's0', {}, 'app.once', 'again')).toBe(id)
    expect(await numbers('SELECT count(*) FROM iu_core.event_outbox')).toEqual(before)
  })

  it('is of those that the plan froze: by type, up to a number, so many, and not what is held later', async () => {
    const [a, b, c] = await hold(3)
    const [d] = await hold(1, 'app.twice')
    const plan = await run(db.pool, RELEASE, 'plan', { event_type: 'app.plain' }, as())
    const [e] = await hold(1)
    expect(events(plan)).toEqual([a, b, c])
    expect(events(await run(db.pool, RELEASE, 'apply', { event_type: 'app.plain' }, as({ plan: plan.plan_digest })))).toEqual([a, b, c])
    expect(await heldNow()).toEqual([d, e])
    expect(events(await carry(db.pool, RELEASE, { through: d }, as()))).toEqual([d])
    const [f] = await hold(1)
    expect(events(await carry(db.pool, RELEASE, { limit: 1 }, as()))).toEqual([e])
    expect(events(await carry(db.pool, RELEASE, {}, as()))).toEqual([f])
    expect(await run(db.pool, RELEASE, 'plan', {}, as())).toMatchObject({ status: 'refused', code: 'nothing_to_do' })
  })
})

describe('two plans with the same parameters', () => {
  it.each([RELEASE, DISCARD])('of %s are two plans: what each of them froze is what its apply decides', async (command) => {
    const [a, b] = await hold(2)
    const first = await run(db.pool, command, 'plan', {}, as())
    const [c] = await hold(1)
    const second = await run(db.pool, command, 'plan', {}, as())
    expect([events(first), events(second)]).toEqual([[a, b], [a, b, c]])
    expect(second.plan_digest).not.toBe(first.plan_digest)
    expect(events(await run(db.pool, command, 'apply', {}, as({ plan: first.plan_digest })))).toEqual([a, b])
    expect(events(await run(db.pool, command, 'apply', {}, as({ plan: second.plan_digest })))).toEqual([c])
  })
})

describe('a discard', () => {
  it('decides each event with the reason, for good: no release brings it back, and its row stays', async () => {
    const ids = await hold(2)
    const rows = await Promise.all(ids.map(rowOf))
    const before = await accounting(db.pool)
    const receipt = await carry(db.pool, DISCARD, {}, as({ reason: 'a test of ours' }))
    expect(events(receipt)).toEqual(ids)
    expect(receipt).toMatchObject({ events: [], inverse: null })
    const { rows: decisions } = await db.pool.query('SELECT event_id::integer AS id, decision, reason, decided_by FROM iu_core.iu_held_decision WHERE event_id = ANY ($1) ORDER BY 1', [ids])
    expect(decisions).toEqual(ids.map(id => ({ id, decision: 'discarded', reason: 'a test of ours', decided_by: 'alice' })))
    expect(await Promise.all(ids.map(rowOf))).toEqual(rows)
    expect(await accounting(db.pool)).toMatchObject({ discarded: before.discarded + 2, held: 0, unexplained: 0 })
    expect(await numbers('SELECT iu_core.fn_iu_held_release($1)', [ids])).toEqual([])
    expect(await run(db.pool, RELEASE, 'plan', {}, as())).toMatchObject({ code: 'nothing_to_do' })
  })

  it('goes while the master gate is closed, a release does not', async () => {
    await hold(1)
    await setGate(db.pool, 'routes_master_enabled', false)
    expect(await run(db.pool, RELEASE, 'plan', {}, as())).toMatchObject({ status: 'refused', code: 'gate_closed' })
    await carry(db.pool, DISCARD, {}, as())
    await setGate(db.pool, 'routes_master_enabled', true)
  })
})

describe('a release and a discard of the same events', () => {
  it.each([[RELEASE, DISCARD], [DISCARD, RELEASE]])('%s first: the other waits for it, and decides nothing', async (first, second) => {
    const ids = await hold(4)
    const plans = { [first]: await run(db.pool, first, 'plan', {}, as()), [second]: await run(db.pool, second, 'plan', {}, as()) }
    await beside(db, async (client) => {
      expect(events(await run(client, first, 'apply', {}, as({ plan: plans[first]!.plan_digest })))).toEqual(ids)
      const late = run(db.pool, second, 'apply', {}, as({ plan: plans[second]!.plan_digest }))
      await waiting(db, 1)
      await client.query('COMMIT')
      expect(await late).toMatchObject({ status: 'refused', code: 'nothing_to_do' })
      expect([await released(ids), await discarded(ids)]).toEqual(first === RELEASE ? [ids, []] : [[], ids])
    })
  })

  it('side by side, in small portions by many: each event is decided once, and each receipt names its own', async () => {
    const ids = await hold(90)
    const decided: Record<string, number[]> = { [RELEASE]: [], [DISCARD]: [] }
    await Promise.all([RELEASE, DISCARD, RELEASE, DISCARD, RELEASE, DISCARD].map(async (command, i) => {
      const client = await db.connect()
      for (;;) {
        const params: Params = { limit: 5 + i }
        const plan = await run(client, command, 'plan', params, as())
        if (plan.code === 'nothing_to_do') break
        const receipt = await run(client, command, 'apply', params, as({ plan: plan.plan_digest }))
        if (receipt.status === 'succeeded') decided[command]!.push(...events(receipt))
        // All of its portion was decided by others meanwhile: it plans again.
        else expect(receipt.code).toBe('nothing_to_do')
      }
      await client.end()
    }))
    expect(Object.values(decided).flat().sort((a, b) => a - b)).toEqual(ids)
    expect(await released(ids)).toEqual(decided[RELEASE]!.sort((a, b) => a - b))
    expect(await discarded(ids)).toEqual(decided[DISCARD]!.sort((a, b) => a - b))
    expect(await heldNow()).toEqual([])
  })
})

describe('the master gate under load', () => {
  it('closes and opens while several emit and one routes: no event is lost, none is routed twice', async () => {
    const emitted: number[] = []
    let over = false
    const emitter = async (n: number) => {
      const client = await db.connect()
      for (let i = 0; !over; i++) {
        if (i % 10 === 0) {
          // Several events in one transaction, on both sides of a gate that may be closing.
          await client.query('BEGIN')
          for (let j = 0; j < 5; j++) emitted.push(await emit(client, `e${n}`, { i, j }, j % 2 ? 'app.twice' : 'app.plain'))
          await client.query('COMMIT')
        }
        else emitted.push(await emit(client, `e${n}`, { i }, i % 3 ? 'app.plain' : 'app.once', i % 3 ? undefined : `${n}.${i}`))
      }
      await client.end()
    }
    const router = async () => {
      const client = await db.connect()
      while (!over) expect((await pass(client, 50)).status).toMatch(/^(routed|idle|master_gate_closed)$/)
      await client.end()
    }
    const working = [0, 1, 2, 3].map(emitter).concat(router())
    const gate = { gate: 'iu_core.routes_master_enabled' }
    const operator: pg.Client = await db.connect()
    try {
      for (let round = 0; round < 15; round++) {
        const before = emitted.length
        await carry(operator, 'dot_iu_close_gate', gate)
        await expect.poll(() => emitted.length, { interval: 5 }).toBeGreaterThan(before + 20)
        if (round % 5 === 4) await carry(operator, DISCARD, { limit: 3 })
        await carry(operator, 'dot_iu_open_gate', gate)
        const plan = await run(operator, RELEASE, 'plan', {}, { reason: 'a test' })
        if (round % 3 === 0 && plan.status === 'planned') expect(await run(operator, RELEASE, 'apply', {}, { reason: 'a test', plan: plan.plan_digest })).toMatchObject({ status: 'succeeded' })
      }
    }
    finally {
      over = true
      await Promise.all(working)
    }

    expect(new Set(emitted).size).toBe(emitted.length)
    const { held, unexplained } = await accounting(db.pool)
    expect(unexplained).toBe(0)
    expect(held).toBeGreaterThan(0)
    await carry(operator, RELEASE, { limit: 10_000 }, { reason: 'a test' })
    await drain(db.pool)
    const account = await accounting(db.pool)
    expect(account).toMatchObject({ held: 0, not_yet_routed: 0, unexplained: 0 })
    expect(account.discarded).toBeGreaterThanOrEqual(9)
    const fates = await db.pool.query<{ fate: string, n: number }>(`
      SELECT CASE WHEN a.event_id IS NOT NULL THEN 'attempted' WHEN n.id IS NOT NULL THEN 'released' WHEN h.event_id IS NOT NULL THEN 'discarded' ELSE 'lost' END AS fate, count(*)::integer AS n
      FROM unnest($1::bigint[]) AS i(id) LEFT JOIN iu_core.event_outbox AS e USING (id)
      LEFT JOIN (SELECT DISTINCT event_id FROM iu_core.iu_route_attempt) AS a ON a.event_id = e.id
      LEFT JOIN (SELECT o.id, o.released_from FROM iu_core.event_outbox AS o JOIN (SELECT DISTINCT event_id FROM iu_core.iu_route_attempt) AS t ON t.event_id = o.id) AS n ON n.released_from = e.id
      LEFT JOIN iu_core.iu_held_decision AS h ON h.event_id = e.id
      GROUP BY 1 ORDER BY 1`, [emitted])
    expect(fates.rows.map(({ fate }) => fate)).toEqual(['attempted', 'discarded', 'released'])
    expect(fates.rows.reduce((sum, { n }) => sum + n, 0)).toBe(emitted.length)
  })
})
