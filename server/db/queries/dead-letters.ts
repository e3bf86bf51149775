import { and, arrayContains, asc, desc, eq, gt, gte, inArray, lt, ne, sql } from 'drizzle-orm'
import { commandRun } from '../../../drizzle/schema/operations.ts'
import { deadLetter, deadLetterCause as cause, deadLetterOpen as letter, replayJob, routeAttempt as attempt } from '../../../drizzle/schema/routing.ts'
import { findCommand } from '../../../shared/commands/index.ts'
import { type DeadLetter, PAYLOAD_LIMIT, PAYLOAD_MOST } from '../../../shared/read-models/dead-letter.ts'
import type { DeadLetters, DeadLettersQuery } from '../../../shared/read-models/dead-letters.ts'
import type { Replays } from '../../../shared/read-models/replays.ts'
import type { Snapshot } from '../client.ts'
import { boundedCount, keysetPage } from './keyset.ts'
import { notFound } from './not-found.ts'

const MOST_CAUSES = 24

const row = {
  deadLetterId: letter.deadLetterId, eventId: letter.eventId, routeCode: letter.routeCode, routeEnabled: letter.routeEnabled, attemptNo: letter.attemptNo,
  failureCode: letter.failureCode, failureDetail: letter.failureDetail, cause: letter.cause, eventDomain: letter.eventDomain, eventType: letter.eventType,
  subjectTable: letter.subjectTable, subjectRef: letter.subjectRef, actor: letter.actor, eventCreatedAt: letter.eventCreatedAt, createdAt: letter.createdAt,
}

export async function readDeadLetters(db: Snapshot, query: DeadLettersQuery): Promise<Omit<DeadLetters, 'asOf'>> {
  const filter = and(
    query.cause === undefined ? undefined : eq(letter.cause, query.cause),
    query.code === undefined ? undefined : eq(letter.failureCode, query.code),
    query.type === undefined ? undefined : eq(letter.eventType, query.type),
    query.route === undefined ? undefined : eq(letter.routeCode, query.route),
    query.from === undefined ? undefined : gte(letter.createdAt, query.from),
    query.to === undefined ? undefined : lt(letter.createdAt, query.to),
  )
  const page = await keysetPage(query, ({ cursor, backwards, limit }) => db.select(row).from(letter)
    .where(and(filter, cursor === undefined ? undefined : (backwards ? gt : lt)(letter.deadLetterId, Number(cursor))))
    .orderBy((backwards ? asc : desc)(letter.deadLetterId)).limit(limit), found => String(found.deadLetterId), 25)
  const causes = await db.select().from(cause).orderBy(desc(cause.letters), desc(cause.sampleId)).limit(MOST_CAUSES + 1)
  return { ...page, total: await boundedCount(db, sql`${letter}`, filter), causes: causes.slice(0, MOST_CAUSES), moreCauses: causes.length > MOST_CAUSES }
}

const related = { deadLetterId: deadLetter.deadLetterId, eventId: deadLetter.eventId, routeCode: deadLetter.routeCode, status: deadLetter.status }

export async function readDeadLetter(db: Snapshot, id: number): Promise<Omit<DeadLetter, 'asOf'>> {
  // What was emitted before there was a bound may be more than the server can write out.
  const unbounded = sql<string | null>`iu_core.fn_iu_json_unbounded(${deadLetter.payload}, ${PAYLOAD_MOST}::integer)`
  const payload = sql<string>`CASE WHEN ${unbounded} IS NULL THEN jsonb_pretty(${deadLetter.payload}) ELSE '' END`
  const [found] = await db.select({
    ...related, routeId: deadLetter.routeId, routeEnabled: deadLetter.routeEnabled, attemptNo: deadLetter.attemptNo, failureCode: deadLetter.failureCode, failureDetail: deadLetter.failureDetail,
    cause: deadLetter.cause, eventDomain: deadLetter.eventDomain, eventType: deadLetter.eventType, subjectTable: deadLetter.subjectTable, subjectRef: deadLetter.subjectRef, actor: deadLetter.actor,
    eventCreatedAt: deadLetter.eventCreatedAt, createdAt: deadLetter.createdAt, resolvedAt: deadLetter.resolvedAt, resolvedBy: deadLetter.resolvedBy,
    correctedByEventId: deadLetter.correctedByEventId, replayJobId: deadLetter.replayJobId, isSystem: deadLetter.isSystem,
    payload: sql<string>`left(${payload}, ${PAYLOAD_LIMIT})`, hidden: unbounded, isTruncated: sql<boolean>`length(${payload}) > ${PAYLOAD_LIMIT}`,
  }).from(deadLetter).where(eq(deadLetter.deadLetterId, id))
  if (!found) return notFound(`there is no dead letter ${id}`)
  const { isTruncated, routeId, correctedByEventId, ...facts } = found
  const attempts = await db.select({
    attemptNo: attempt.attemptNo, routeCode: attempt.routeCode, status: attempt.status, failureCode: attempt.failureCode, failureDetail: attempt.failureDetail, workerCode: attempt.workerCode, createdAt: attempt.createdAt,
  }).from(attempt).where(and(eq(attempt.eventId, found.eventId), routeId === 0 ? undefined : eq(attempt.routeId, routeId)))
    .orderBy(desc(attempt.createdAt), desc(attempt.attemptNo)).limit(50)
  const runs = await db.select({ run: commandRun.runId, command: commandRun.command, mode: commandRun.mode, status: commandRun.status, outcome: commandRun.outcome, actor: commandRun.actor, at: commandRun.finishedAt })
    .from(commandRun).where(and(arrayContains(commandRun.objectRefs, [`dead_letter:${id}`]), inArray(commandRun.mode, ['apply', 'rollback']))).orderBy(desc(commandRun.runId)).limit(20)
  const letters = (where: ReturnType<typeof and>) => db.select(related).from(deadLetter).where(where).orderBy(desc(deadLetter.deadLetterId)).limit(20)
  return {
    ...facts, truncated: isTruncated, attempts,
    runs: runs.map(({ command, ...run }) => ({ ...run, label: findCommand(command)?.label ?? command })),
    others: await letters(and(eq(deadLetter.eventId, found.eventId), ne(deadLetter.deadLetterId, id))),
    // What was held is an event of another number once it is released.
    corrects: await letters(sql`${deadLetter.correctedByEventId} in (${found.eventId}, (select released_from from iu_core.v_iu_event_release where event_id = ${found.eventId}))`),
    correctedBy: correctedByEventId === null ? null : await readCorrection(db, correctedByEventId, letters),
  }
}

async function readCorrection(db: Snapshot, eventId: number, letters: (where: ReturnType<typeof and>) => Promise<NonNullable<DeadLetter['correctedBy']>['letters']>) {
  const { rows: [held] } = await db.execute<{ at: Date }>(sql`select created_at as at from iu_core.v_iu_held_event where event_id = ${eventId}`)
  return {
    eventId, heldSince: held ? new Date(held.at).toISOString() : null,
    letters: await letters(sql`${deadLetter.eventId} in (${eventId}, (select event_id from iu_core.v_iu_event_release where released_from = ${eventId}))`),
  }
}

/** Those that are not done come first: they are what somebody waits for. */
export async function readReplays(db: Snapshot): Promise<Omit<Replays, 'asOf'>> {
  return { rows: await db.select().from(replayJob).orderBy(sql`${replayJob.status} = 'done'`, desc(replayJob.jobId)).limit(5) }
}
