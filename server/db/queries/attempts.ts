import { and, asc, desc, eq, gte, sql } from 'drizzle-orm'
import { routeAttempt as attempt, routeAttemptHourly as hourly, routeAttemptSummary as summary } from '../../../drizzle/schema/routing.ts'
import { type AttemptHistory, type AttemptHistoryQuery, RANGE_HOURS } from '../../../shared/read-models/attempt-history.ts'
import type { AttemptSummary, RouteSummary } from '../../../shared/read-models/attempt-summary.ts'
import { ATTEMPT_STATUSES, type AttemptStatus, type Attempts, type AttemptsQuery } from '../../../shared/read-models/attempts.ts'
import { COUNT_LIMIT } from '../../../shared/read-models/page.ts'
import type { Snapshot } from '../client.ts'
import { boundedCount, keysetPage } from './keyset.ts'

const zero = (): Record<AttemptStatus, number> => ({ dry_run: 0, sent: 0, failed: 0, skipped: 0 })

export async function readAttempts(db: Snapshot, query: AttemptsQuery): Promise<Omit<Attempts, 'asOf'>> {
  const isFiltered = query.route !== undefined || query.status !== undefined || query.type !== undefined
  const filter = sql`${query.route ?? null}::text, ${query.status ?? null}::text, ${query.type ?? null}::text`
  const page = await keysetPage(query, ({ cursor, backwards, limit }) => {
    const key = cursor?.split('.').map(Number) ?? [null, null, null]
    const order = backwards ? asc : desc
    const keys = [order(attempt.eventId), order(attempt.routeId), order(attempt.attemptNo)]
    if (!isFiltered) {
      const beyond = cursor === undefined ? undefined : sql`(${attempt.eventId}, ${attempt.routeId}, ${attempt.attemptNo}) ${sql.raw(backwards ? '>' : '<')} (${key[0]}::bigint, ${key[1]}::int, ${key[2]}::int)`
      return db.select().from(attempt).where(beyond).orderBy(...keys).limit(limit)
    }
    // The attempts have no index for this: the database knows in which blocks of events to look.
    const direction = sql.raw(backwards ? '' : 'desc')
    const found = sql`(select distinct event_id, route_id, attempt_no from iu_core.fn_iu_route_attempt_find(${filter}, ${backwards}, ${key[0]}::bigint, ${key[1]}::int, ${key[2]}::int, ${limit})
      order by event_id ${direction}, route_id ${direction}, attempt_no ${direction} limit ${limit})`
    return db.select().from(attempt).where(sql`(${attempt.eventId}, ${attempt.routeId}, ${attempt.attemptNo}) in ${found}`).orderBy(...keys)
  }, row => `${row.eventId}.${row.routeId}.${row.attemptNo}`)
  const counted = isFiltered
    ? (await db.execute<{ n: number }>(sql`select iu_core.fn_iu_route_attempt_count(${filter}, ${COUNT_LIMIT + 1}) as n`)).rows[0]!.n
    : await boundedCount(db, sql`${attempt}`, undefined)
  return { ...page, total: counted }
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
export async function readAttemptHistory(db: Snapshot, { range, route, status, type }: AttemptHistoryQuery): Promise<Omit<AttemptHistory, 'asOf'>> {
  const { bucket, buckets } = RANGE_HOURS[range]
  const { rows: [clock] } = await db.execute<{ hour: string }>(sql`select extract(epoch from now()) / 3600 as hour`)
  const last = Math.floor(Number(clock!.hour) / bucket)
  const first = last - buckets + 1
  const startOf = (index: number) => new Date(index * bucket * 3_600_000).toISOString()
  const index = sql<number>`floor(extract(epoch from ${hourly.hour}) / ${bucket * 3600}::numeric)::int`
  const rows = await db.select({ index: index.as('bucket_index'), status: hourly.status, attempts: sql<number>`sum(${hourly.attempts})::float8` })
    .from(hourly)
    .where(and(
      gte(hourly.hour, startOf(first)),
      route === undefined ? undefined : eq(hourly.routeCode, route),
      status === undefined ? undefined : eq(hourly.status, status),
      type === undefined ? undefined : eq(hourly.eventType, type),
    ))
    .groupBy(sql`bucket_index`, hourly.status)
  const filled = Array.from({ length: buckets }, (_, offset) => ({ start: startOf(first + offset), counts: zero(), total: 0 }))
  for (const row of rows) {
    const target = filled[row.index - first]
    if (!target) continue
    target.counts[row.status] += row.attempts
    target.total += row.attempts
  }
  return { range, bucketHours: bucket, buckets: filled }
}
