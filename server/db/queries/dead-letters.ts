import { and, asc, desc, eq, gt, lt, sql } from 'drizzle-orm'
import { deadLetterOpen as letter } from '../../../drizzle/schema/routing.ts'
import { type DeadLetter, PAYLOAD_LIMIT } from '../../../shared/read-models/dead-letter.ts'
import type { DeadLetterGroup, DeadLetters, DeadLettersQuery } from '../../../shared/read-models/dead-letters.ts'
import { COUNT_LIMIT } from '../../../shared/read-models/page.ts'
import type { Snapshot } from '../client.ts'
import { boundedCount, keysetPage } from './keyset.ts'

const row = {
  deadLetterId: letter.deadLetterId, eventId: letter.eventId, routeCode: letter.routeCode, attemptNo: letter.attemptNo,
  failureCode: letter.failureCode, failureDetail: letter.failureDetail, eventDomain: letter.eventDomain, eventType: letter.eventType,
  subjectTable: letter.subjectTable, subjectRef: letter.subjectRef, actor: letter.actor, eventCreatedAt: letter.eventCreatedAt, createdAt: letter.createdAt,
}

export async function readDeadLetters(db: Snapshot, query: DeadLettersQuery): Promise<Omit<DeadLetters, 'asOf'>> {
  const filter = and(
    query.code === undefined ? undefined : eq(letter.failureCode, query.code),
    query.type === undefined ? undefined : eq(letter.eventType, query.type),
    query.route === undefined ? undefined : eq(letter.routeCode, query.route),
  )
  const page = await keysetPage(query, ({ cursor, backwards, limit }) => db.select(row).from(letter)
    .where(and(filter, cursor === undefined ? undefined : (backwards ? gt : lt)(letter.deadLetterId, Number(cursor))))
    .orderBy((backwards ? asc : desc)(letter.deadLetterId)).limit(limit), found => String(found.deadLetterId), 25)
  return { ...page, total: await boundedCount(db, sql`${letter}`, filter), groups: await readGroups(db) }
}

/** Causes among the newest dead letters, as many as are counted exactly. */
async function readGroups(db: Snapshot): Promise<DeadLetterGroup[]> {
  const { rows } = await db.execute<{ failure_code: string, event_type: string, n: number }>(sql`
    select failure_code, event_type, count(*)::int as n
    from (select failure_code, event_type from ${letter} order by dead_letter_id desc limit ${COUNT_LIMIT + 1}) as newest
    group by failure_code, event_type order by n desc, failure_code, event_type limit 24`)
  return rows.map(group => ({ failureCode: group.failure_code, eventType: group.event_type, count: group.n }))
}

export async function readDeadLetter(db: Snapshot, id: number): Promise<Omit<DeadLetter, 'asOf'>> {
  const payload = sql<string>`jsonb_pretty(${letter.payload})`
  const [found] = await db.select({ payload: sql<string>`left(${payload}, ${PAYLOAD_LIMIT})`, length: sql<number>`length(${payload})` })
    .from(letter).where(eq(letter.deadLetterId, id))
  // It may have been replayed a moment ago: that is an answer, not a fault.
  return { deadLetterId: id, payload: found?.payload ?? null, truncated: (found?.length ?? 0) > PAYLOAD_LIMIT }
}
