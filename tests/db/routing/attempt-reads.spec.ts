import { drizzle } from 'drizzle-orm/node-postgres'
import fc from 'fast-check'
import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Snapshot } from '../../../server/db/client.ts'
import { readAttemptHistory, readAttempts, readAttemptSummary } from '../../../server/db/queries/attempts.ts'
import { type AttemptHistory, type AttemptHistoryQuery, HISTORY_RANGES, RANGE_HOURS } from '../../../shared/read-models/attempt-history.ts'
import { ATTEMPT_STATUSES, type AttemptStatus } from '../../../shared/read-models/attempts.ts'
import { PAGE_SIZE } from '../../../shared/read-models/page.ts'
import type { TestDatabase } from '../harness.ts'
import { audit, drain, openDatabase, pass } from '../world.ts'

const TYPES = ['app.plain', 'app.twice', 'app.strict', 'app.unwanted', 'app.disabled']
const seed = Number(process.env.IU_SEED ?? Date.now() % 1_000_000)

let db: TestDatabase
let client: Client
let reads: Snapshot

/** Routed events of all types, a part of them audited, a part of those replayed, and older attempts in many hours. */
beforeAll(async () => {
  db = await openDatabase()
  client = await db.connect()
  reads = drizzle({ client })
  await client.query('SELECT setseed($1)', [seed / 1_000_000])
  const emitMany = (n: number) => client.query(`
    SELECT iu_core.fn_iu_emit_event(($2::text[])[1 + floor(random() * 5)::int], 'app_table', 's' || n, CASE WHEN random() < 0.5 THEN '{"n": 1}' ELSE '{}' END::jsonb) FROM generate_series(1, $1::int) AS n`, [n, TYPES])
  await emitMany(900)
  await drain(client, 350)
  await audit(client)
  // As passes of long ago leave them: attempts and their counts of one time, behind the cursor.
  await client.query(`
    WITH old AS (
      SELECT n, now() - random() * interval '40 days' AS at, (ARRAY['dry_run', 'sent'])[1 + floor(random() * 2)::int] AS status, r.id AS route_id, r.event_type
      FROM generate_series(1, 400) AS n CROSS JOIN LATERAL (SELECT id, event_type FROM iu_core.iu_outbound_route WHERE event_type = ANY ($1) ORDER BY hashtext(id::text || n) LIMIT 1) AS r
    ), written AS (
      INSERT INTO iu_core.event_outbox (xid, event_domain, event_type, event_subject_table, event_subject_ref, payload, delivery_lane, created_at)
      SELECT '3', 'application', event_type, 'app_table', 'old ' || n, '{}', 'delayed', at FROM old RETURNING id, event_subject_ref
    ), attempted AS (
      INSERT INTO iu_core.iu_route_attempt (event_id, route_id, attempt_no, status, target_kind, target_ref, worker_code, created_at)
      SELECT w.id, o.route_id, 1, o.status, 'log', 'here', 'w' || n % 2, o.at FROM old AS o JOIN written AS w ON w.event_subject_ref = 'old ' || o.n
      RETURNING worker_code, created_at, route_id, status
    )
    SELECT iu_core.fn_iu_route_rollup_add(worker_code, created_at, ARRAY[route_id], ARRAY[status], ARRAY[1]) FROM attempted`, [TYPES])
  await pass(client, 250)
  await audit(client, 100)
  await client.query(`SELECT iu_core.fn_iu_event_types_register('application', 'delayed', false, '{"app.strict": {"description": "anything"}}')`)
  await client.query('SELECT iu_core.fn_iu_route_dead_letter_replay(dead_letter_id) FROM iu_core.v_iu_route_dead_letter_open WHERE dead_letter_id % 3 = 0')
  await client.query('SELECT iu_core.fn_iu_event_audit(50)')
  await emitMany(300)
  await pass(client, 200)
})
afterAll(() => db.drop())

const oneOf = <Value extends string>(...values: Value[]) => fc.constantFrom<Value | undefined>(undefined, ...values)
const filters = fc.record({
  route: oneOf('app.plain.log', 'app.twice.a', 'app.strict.log', 'app.disabled.log', 'iu.created.log', '(no route)', 'no.such'),
  status: oneOf(...ATTEMPT_STATUSES),
  type: oneOf(...TYPES, 'iu.created'),
})

test(`a list of attempts is what the rows say, under any filter, forwards and backwards (seed ${seed})`, async () => {
  await fc.assert(fc.asyncProperty(filters, fc.nat(30), async (filter, turns) => {
    const query = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined)) as typeof filter
    const { rows } = await client.query<{ key: string }>(`
      SELECT a.event_id || '.' || a.route_id || '.' || a.attempt_no AS key
      FROM iu_core.iu_route_attempt AS a JOIN iu_core.event_outbox AS e ON e.id = a.event_id LEFT JOIN iu_core.iu_outbound_route AS r ON r.id = a.route_id
      WHERE ($1::text IS NULL OR coalesce(r.route_code, '(no route)') = $1) AND ($2::text IS NULL OR a.status = $2) AND ($3::text IS NULL OR e.event_type = $3)
      ORDER BY a.event_id DESC, a.route_id DESC, a.attempt_no DESC`, [query.route ?? null, query.status ?? null, query.type ?? null])
    const wanted = rows.map(({ key }) => key)
    const keys = (page: Awaited<ReturnType<typeof readAttempts>>) => page.rows.map(row => `${row.eventId}.${row.routeId}.${row.attemptNo}`)
    let page = await readAttempts(reads, query)
    expect(page.total).toBe(wanted.length)
    let at = 0
    for (; at < turns && page.next !== null; at++) page = await readAttempts(reads, { ...query, after: page.next })
    expect(keys(page)).toEqual(wanted.slice(at * PAGE_SIZE, (at + 1) * PAGE_SIZE))
    expect(page.next === null).toBe((at + 1) * PAGE_SIZE >= wanted.length)
    if (at === 0) return
    expect(keys(await readAttempts(reads, { ...query, before: page.prev! }))).toEqual(wanted.slice((at - 1) * PAGE_SIZE, at * PAGE_SIZE))
  }), { numRuns: 60, seed })
})

test('the summary is what the rows say', async () => {
  const { rows } = await client.query<{ route: string, status: string, n: number, last: Date }>(`
    SELECT coalesce(r.route_code, '(no route)') AS route, a.status, count(*)::int AS n, max(a.created_at) AS last
    FROM iu_core.iu_route_attempt AS a LEFT JOIN iu_core.iu_outbound_route AS r ON r.id = a.route_id GROUP BY 1, 2`)
  const { routes, totals, total } = await readAttemptSummary(reads)
  expect(total).toBe(rows.reduce((sum, { n }) => sum + n, 0))
  for (const status of ATTEMPT_STATUSES) expect(totals[status]).toBe(rows.filter(row => row.status === status).reduce((sum, { n }) => sum + n, 0))
  for (const { routeCode, counts, total, lastAttemptAt } of routes) {
    const own = rows.filter(({ route }) => route === routeCode)
    expect([routeCode, total, lastAttemptAt === null]).toEqual([routeCode, own.reduce((sum, { n }) => sum + n, 0), own.length === 0])
    for (const { status, n } of own) expect(counts[status as keyof typeof counts]).toBe(n)
    if (own.length) expect(new Date(lastAttemptAt!).getTime()).toBe(Math.max(...own.map(({ last }) => last.getTime())))
  }
  expect(new Set(rows.map(({ route }) => route)).difference(new Set(routes.map(({ routeCode }) => routeCode)))).toEqual(new Set())
})

/** The bars, each counted in the rows themselves. */
async function counted(query: AttemptHistoryQuery, starts: string[]): Promise<AttemptHistory['buckets']> {
  const { rows } = await client.query<{ start: string, status: AttemptStatus | null, n: number }>(`
    SELECT b.start, a.status, count(a.status)::int AS n
    FROM unnest($1::text[]) AS b(start)
    LEFT JOIN (iu_core.iu_route_attempt AS a LEFT JOIN iu_core.iu_outbound_route AS r ON r.id = a.route_id)
      ON a.created_at >= b.start::timestamptz AND a.created_at < b.start::timestamptz + make_interval(hours => $2)
      AND ($3::text IS NULL OR coalesce(r.route_code, '(no route)') = $3) AND ($4::text IS NULL OR a.status = $4) AND ($5::text IS NULL OR r.event_type = $5)
    GROUP BY 1, 2`, [starts, RANGE_HOURS[query.range].bucket, query.route ?? null, query.status ?? null, query.type ?? null])
  return starts.map((start) => {
    const own = rows.filter(row => row.start === start && row.status !== null)
    return { start, counts: { dry_run: 0, sent: 0, failed: 0, skipped: 0, ...Object.fromEntries(own.map(({ status, n }) => [status, n])) }, total: own.reduce((sum, { n }) => sum + n, 0) }
  })
}

test.each(HISTORY_RANGES)('the chart of %s is what the rows say, bar by bar, under any filter', async (range) => {
  let attempts = 0
  await fc.assert(fc.asyncProperty(filters, async (filter) => {
    const query = { range, ...Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined)) }
    const { buckets } = await readAttemptHistory(reads, query)
    expect(buckets).toHaveLength(RANGE_HOURS[range].buckets)
    expect(buckets).toEqual(await counted(query, buckets.map(({ start }) => start)))
    attempts += buckets.reduce((sum, { total }) => sum + total, 0)
  }), { numRuns: 30, seed, examples: [[{ route: undefined, status: undefined, type: undefined }]] })
  expect(attempts).toBeGreaterThan(100)
})
