import { and, asc, desc, eq, gte, sql } from 'drizzle-orm'
import { outboundRoute, routeAttempt as attempt, routeAttemptHourly as hourly, routeAttemptSummary as summary } from '../../../drizzle/schema/routing.ts'
import { type AttemptHistory, type AttemptHistoryQuery, RANGE_HOURS } from '../../../shared/read-models/attempt-history.ts'
import type { AttemptSummary, RouteSummary } from '../../../shared/read-models/attempt-summary.ts'
import { ATTEMPT_STATUSES, type AttemptStatus, type Attempts, type AttemptsQuery } from '../../../shared/read-models/attempts.ts'
import type { Snapshot } from '../client.ts'
import { boundedCount, keysetPage } from './keyset.ts'

const NO_ROUTE = '(no route)'
const zero = (): Record<AttemptStatus, number> => ({ dry_run: 0, sent: 0, failed: 0, skipped: 0 })

export async function readAttempts(db: Snapshot, query: AttemptsQuery): Promise<Omit<Attempts, 'asOf'>> {
  // By number, which the index has, not by the code that the view joins to it.
  const route = query.route === undefined
    ? undefined
    : query.route === NO_ROUTE
      ? eq(attempt.routeId, 0)
      : sql`${attempt.routeId} = (select ${outboundRoute.routeId} from ${outboundRoute} where ${outboundRoute.routeCode} = ${query.route})`
  const filter = and(route, query.status && eq(attempt.status, query.status), query.type === undefined ? undefined : eq(attempt.eventType, query.type))
  const page = await keysetPage(query, ({ cursor, backwards, limit }) => {
    const key = cursor?.split('.').map(Number)
    const beyond = key && sql`(${attempt.eventId}, ${attempt.routeId}, ${attempt.attemptNo}) ${sql.raw(backwards ? '>' : '<')} (${key[0]}::bigint, ${key[1]}::int, ${key[2]}::int)`
    const order = backwards ? asc : desc
    return db.select().from(attempt).where(and(filter, beyond))
      .orderBy(order(attempt.eventId), order(attempt.routeId), order(attempt.attemptNo)).limit(limit)
  }, row => `${row.eventId}.${row.routeId}.${row.attemptNo}`)
  return { ...page, total: await boundedCount(db, sql`${attempt}`, filter) }
}

export async function readAttemptSummary(db: Snapshot): Promise<Omit<AttemptSummary, 'asOf'>> {
  const rows = await db.select().from(summary).orderBy(summary.routeCode)
  const routes = new Map<number, RouteSummary>()
  const totals = zero()
  for (const row of rows) {
    const route = routes.get(row.routeId) ?? { ...row, counts: zero(), total: 0, lastAttemptAt: null }
    routes.set(row.routeId, route)
    if (row.status === null) continue
    route.counts[row.status] += row.attempts
    route.total += row.attempts
    totals[row.status] += row.attempts
    if (row.lastAttemptAt !== null && (route.lastAttemptAt === null || row.lastAttemptAt > route.lastAttemptAt)) route.lastAttemptAt = row.lastAttemptAt
  }
  return {
    routes: [...routes.values()].map(({ routeId, routeCode, eventType, enabled, dryRun, counts, total, lastAttemptAt }) =>
      ({ routeId, routeCode, eventType, enabled, dryRun, counts, total, lastAttemptAt })),
    totals,
    total: ATTEMPT_STATUSES.reduce((sum, status) => sum + totals[status], 0),
    eventTypes: [...new Set(rows.map(row => row.eventType).filter(type => type !== null))].sort(),
  }
}

/** Bars of the same width up to the current one, in UTC; hours without attempts are there with zeros. */
export async function readAttemptHistory(db: Snapshot, { range }: AttemptHistoryQuery): Promise<Omit<AttemptHistory, 'asOf'>> {
  const { bucket, buckets } = RANGE_HOURS[range]
  const { rows: [clock] } = await db.execute<{ hour: string }>(sql`select extract(epoch from now()) / 3600 as hour`)
  const last = Math.floor(Number(clock!.hour) / bucket)
  const first = last - buckets + 1
  const startOf = (index: number) => new Date(index * bucket * 3_600_000).toISOString()
  const index = sql<number>`floor(extract(epoch from ${hourly.hour}) / ${bucket * 3600}::numeric)::int`
  const rows = await db.select({ index: index.as('bucket_index'), status: hourly.status, attempts: sql<number>`sum(${hourly.attempts})::float8` })
    .from(hourly).where(gte(hourly.hour, startOf(first))).groupBy(sql`bucket_index`, hourly.status)
  const filled = Array.from({ length: buckets }, (_, offset) => ({ start: startOf(first + offset), counts: zero(), total: 0 }))
  for (const row of rows) {
    const target = filled[row.index - first]
    if (!target) continue
    target.counts[row.status] += row.attempts
    target.total += row.attempts
  }
  return { range, bucketHours: bucket, buckets: filled }
}
