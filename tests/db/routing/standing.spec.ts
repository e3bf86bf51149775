/** What waits and what became of all events, from one judgement: exact, or honest about being the least that it can be. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { TestDatabase } from '../harness.ts'
import { accounting, audit, drain, emit, openDatabase, pass, WORKER } from '../world.ts'

let db: TestDatabase
beforeEach(async () => {
  db = await openDatabase()
})
afterEach(() => db.drop())

const UPPER = 'upper'
const split = (of: string, at: number, to: string) => db.pool.query('SELECT iu_core.fn_iu_cursor_split($1, $2, $3)', [of, at, to])

/** Subjects of the lower half of the buckets, and of the upper. */
async function subjects(): Promise<{ lower: string[], upper: string[] }> {
  const { rows: [row] } = await db.pool.query<{ lower: string[], upper: string[] }>(`
    SELECT array_agg(s ORDER BY s) FILTER (WHERE b < 8) AS lower, array_agg(s ORDER BY s) FILTER (WHERE b >= 8) AS upper
    FROM (SELECT 's' || n AS s, hashtextextended('app_table/s' || n, 0) & 15 AS b FROM generate_series(1, 100) AS n) AS named`)
  return row!
}

/** What waits for each worker, where at most so many events are judged. */
async function waiting(most = 10_001): Promise<Record<string, { waiting: number, exact: boolean }>> {
  const { rows } = await db.pool.query<{ worker: string, waiting: number, exact: boolean }>(
    'SELECT worker_code AS worker, sum(waiting)::int AS waiting, bool_and(is_exact) AS exact FROM iu_core.fn_iu_event_standing($1) WHERE account IS NULL GROUP BY 1', [most])
  return Object.fromEntries(rows.map(({ worker, ...row }) => [worker, row]))
}

test('a worker that stands still hides nothing of another', async () => {
  await split(WORKER, 8, UPPER)
  const { lower, upper } = await subjects()
  for (let n = 0; n < 30; n++) await emit(db.pool, lower[n % lower.length]!)
  for (let n = 0; n < 30; n++) await emit(db.pool, upper[n % upper.length]!)
  await drain(db.pool, 1000, UPPER)
  expect(await waiting(10)).toEqual({ [WORKER]: { waiting: 10, exact: false }, [UPPER]: { waiting: 0, exact: true } })
  await emit(db.pool, upper[0]!)
  expect(await waiting(10)).toEqual({ [WORKER]: { waiting: 10, exact: false }, [UPPER]: { waiting: 1, exact: true } })
  // More than it looks at lies above its place, and none of that is its own so far.
  for (let n = 0; n < 10; n++) await emit(db.pool, lower[0]!)
  await emit(db.pool, upper[0]!)
  expect(await waiting(10)).toMatchObject({ [UPPER]: { waiting: 1, exact: false } })
  expect(await waiting(100)).toEqual({ [WORKER]: { waiting: 40, exact: true }, [UPPER]: { waiting: 2, exact: true } })
})

test('what committed late below a worker\'s place is found, however far others are behind', async () => {
  await split(WORKER, 8, UPPER)
  const { lower, upper } = await subjects()
  for (let n = 0; n < 30; n++) await emit(db.pool, lower[n % lower.length]!)
  const late = await db.connect()
  await late.query('BEGIN')
  await emit(late, upper[0]!)
  await emit(db.pool, upper[1]!)
  await drain(db.pool, 1000, UPPER)
  await late.query('COMMIT')
  expect(await waiting(10)).toEqual({ [WORKER]: { waiting: 10, exact: false }, [UPPER]: { waiting: 1, exact: true } })
})

test('what is routed and not audited does not stand for what waits', async () => {
  for (let n = 0; n < 30; n++) await emit(db.pool, `s${n}`)
  await pass(db.pool, 25)
  expect(await waiting(10)).toEqual({ [WORKER]: { waiting: 5, exact: true } })
  const { rows: [page] } = await db.pool.query('SELECT events::int, attempted::int, not_yet_routed::int, is_exact FROM iu_core.fn_iu_event_account(10)')
  expect(page).toEqual({ events: 10, attempted: 10, not_yet_routed: 0, is_exact: false })
})

test('in random worlds what is called exact is, and the rest is no more than there is', async () => {
  await split(WORKER, 8, UPPER)
  await split(UPPER, 12, 'top')
  const workers = [WORKER, UPPER, 'top']
  let seed = Number(process.env.IU_SEED ?? 7)
  const below = (n: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor(seed / 65_536) % n
  }
  const open: Awaited<ReturnType<typeof db.connect>>[] = []
  let inexact = 0
  for (let step = 0; step < 120; step++) {
    const act = below(10)
    if (act < 5) for (let n = below(4); n >= 0; n--) await emit(db.pool, `s${below(40)}`)
    else if (act < 7) await pass(db.pool, 1 + below(6), workers[below(3)])
    else if (act === 7) await audit(db.pool, 1 + below(20))
    else if (open.length < 3) {
      const client = await db.connect()
      await client.query('BEGIN')
      await emit(client, `s${below(40)}`)
      open.push(client)
    }
    else await open.splice(below(3), 1)[0]!.query('COMMIT')
    const whole = await accounting(db.pool)
    const { rows: pending } = await db.pool.query<{ worker: string, n: number }>(
      'SELECT worker_code AS worker, (SELECT count(*)::int FROM iu_core.fn_iu_event_pending(10001) AS p WHERE p.worker_code = c.worker_code) AS n FROM iu_core.iu_route_worker_cursor AS c')
    for (const most of [1, 4, 16, 10_001]) {
      const found = await waiting(most)
      for (const { worker, n } of pending) {
        if (found[worker]!.exact) expect({ step, most, worker, n: found[worker]!.waiting }).toEqual({ step, most, worker, n })
        else {
          inexact += 1
          expect(found[worker]!.waiting).toBeLessThanOrEqual(n)
        }
      }
      const { rows: [account] } = await db.pool.query<Record<string, number> & { is_exact: boolean }>(
        'SELECT events::int, attempted::int, not_yet_routed::int, unexplained::int, is_exact FROM iu_core.fn_iu_event_account($1)', [most])
      expect(account!.unexplained).toBe(0)
      if (account!.is_exact) expect(account).toMatchObject({ events: whole.events, attempted: whole.attempted, not_yet_routed: whole.not_yet_routed })
      else expect(account!.events).toBeLessThanOrEqual(whole.events)
    }
  }
  expect(inexact).toBeGreaterThan(100)
})
